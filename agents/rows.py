"""What a command says on stdout: JSON, one object a line, or a table; and progress, on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table


def say(text: str) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_json(row: Mapping[str, Any]) -> None:
    """One object on one line."""
    say(json.dumps(row, ensure_ascii=False))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their columns; never cut where the output is no terminal."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console()
    console.print(table, width=console.width if console.is_terminal else 10_000, markup=False, highlight=False)


def warn(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"oncostream: {text}\n")


def progress() -> Progress:
    """A progress display on stderr, gone when done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
