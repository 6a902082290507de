"""What a command says on stdout: JSON, one object a line, or a table; and progress, on stderr."""

import codecs
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import TextIOWrapper
from textwrap import wrap
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from agents.exits import Away

_READABLE = 40
"""Characters in which a sentence can be read."""
_INDENT = "    "


def speak_any_encoding() -> None:
    """From now on what stdout's encoding lacks goes out as JSON writes it in ASCII: so JSON stays JSON."""
    codecs.register_error("json", _escaped)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="json")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def say(text: str) -> None:
    """One line on stdout, at once; where nobody reads any more, as behind `head`, the command is done."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python writes the rest there at its end
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(0) from None
        raise Away(f"stdout cannot be written ({error.strerror}); make space where it goes to") from None


def say_json(row: Mapping[str, Any]) -> None:
    """One object on one line."""
    say(json.dumps(row, ensure_ascii=False))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their columns: folded to the width of a terminal, whole lines anywhere else."""
    cells = [[str(cell) for cell in row] for row in rows]
    console = Console()
    if not console.is_terminal:
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for row in (columns, *cells):
            say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    if below := set_below(columns, cells, console.width):
        console.print(Text("\n".join(below)))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


def set_below(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[str]:
    """The rows with the last cell folded below the others, which stay whole: an id in two is none to copy.

    Empty where the last column has room beside the others, or where the others are too long as well.
    """
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    whole = sum(widths[:-1]) + 2 * (len(widths) - 2)
    if whole > width or whole + 2 + min(widths[-1], _READABLE) <= width:
        return []
    lines = []
    for row in (columns, *cells):
        lines.append("  ".join(cell.ljust(size) for cell, size in zip(row[:-1], widths, strict=False)).rstrip())
        lines += wrap(row[-1], width, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return lines


def warn(text: str) -> None:
    """One line on stderr, whatever a name in it holds."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    sys.stderr.write(f"oncostream: {shown}\n")


def progress() -> Progress:
    """A progress display on stderr, gone when done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
