"""What a reader can rely on in every file: its size, and an `__init__` without code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "model", "streams", "agents", "deploy")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_under_200_lines_or_says_why_not(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 200 or "longer than 200 lines because" in text


@pytest.mark.parametrize(
    "package", [path for path in FILES if path.name == "__init__.py"], ids=lambda path: path.parent.name
)
def test_an_init_holds_one_docstring_and_no_code(package: Path) -> None:
    body = ast.parse(package.read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert ast.get_docstring(ast.parse(package.read_text(encoding="utf-8")))
