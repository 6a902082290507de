"""The command line: `oncostream COMMAND`. Exit codes: 0 done, 2 asked wrongly, 3 not settled, 4 away, 1 a bug."""

import sys

import typer

from agents.commands import run
from agents.exits import AskedWrongly, Away
from agents.worker import NotReady
from deploy.local.errors import LocalError
from streams.settings import WrongSettings

app = typer.Typer(
    name="oncostream",
    help="An event-driven streaming processor for precision oncology. Research software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    """Research software, not a medical device."""


app.command("run")(run.run)


def main() -> None:
    """Run one command and leave with its exit code; a known failure is one line on stderr."""
    try:
        app()
    except (WrongSettings, AskedWrongly) as error:
        _leave(2, error)
    except (NotReady, Away, LocalError) as error:
        _leave(4, error)


def _leave(code: int, error: Exception) -> None:
    sys.stderr.write(f"oncostream: {error}\n")
    raise SystemExit(code)
