"""Write docs/tree.md: every Python file with the first sentence of its docstring. Run it from anywhere."""

import ast
import re
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("schemas", "model", "streams", "agents", "deploy", "tests", "docs")
HEAD = "# Every Python file, and what it is for\n\nMade by `python docs/make_tree.py` from the files' own docstrings.\n"


def first_sentence(path: Path) -> str:
    """The first sentence of a file's docstring; empty where it has none, as most tests do: their names say it."""
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(told.split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", paragraph)[0]


def tree() -> str:
    """The text of docs/tree.md: a section a folder, in the direction of imports, a line a file."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"), key=_place)]
    sections = [HEAD]
    for folder, inside in groupby(files, key=lambda path: path.parent):
        sections.append(f"\n## {folder.relative_to(ROOT)}/\n\n" + "".join(_line(path) for path in inside))
    return "".join(sections)


def _place(path: Path) -> tuple[str, str]:
    return str(path.parent), path.name


def _line(path: Path) -> str:
    said = first_sentence(path)
    return f"- `{path.name}`: {said}\n" if said else f"- `{path.name}`\n"


if __name__ == "__main__":
    (ROOT / "docs" / "tree.md").write_text(tree(), encoding="utf-8")
