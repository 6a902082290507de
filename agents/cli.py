"""The command line: `oncostream COMMAND`. Exit codes: 0 done, 2 asked wrongly, 3 not settled, 4 away, 1 a bug."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import typer
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from agents.exits import AskedWrongly, Away
from agents.rows import speak_any_encoding, warn
from deploy.local.errors import LocalError
from schemas.errors import Refused, Unavailable
from schemas.utf8 import is_utf8
from streams.settings import WrongSettings

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Place(NamedTuple):
    """Where a command is: `module:name` (or a group's `app`) in `agents.commands`."""

    of: str
    line: str
    """What the list of commands says of it: the first line of its own help."""


COMMANDS = {
    "demo": Place(
        "demo:demo",
        "Show the whole road on a synthetic cohort: events interleaved, late and twice; results as they come.",
    ),
    "up": Place("up:up", "Run a local broker and cache and all six roles, until Ctrl-C or `oncostream down`."),
    "down": Place("down:down", "End what `oncostream up` started, or is starting, and wait until it has."),
    "run": Place(
        "run:run",
        "Run roles against the configured Kafka and Redis until told to stop; then it ends within ten seconds.",
    ),
    "send": Place("send:send", "Send files as events to the input topics, as a hospital would."),
    "status": Place("status:status", "Show how the installation stands."),
    "results": Place("results:results", "Show the last result of each patient: the one of the greatest revision."),
    "cohort": Place("cohort:app", "Make a cohort folder: events, files, outcomes, survival."),
    "train": Place(
        "train:train", "Train a network on a cohort folder: encoders, imputer and fusion, circuit; then calibrate it."
    ),
    "evaluate": Place(
        "evaluate:evaluate", "Fit on every fold's other patients, predict its own, and say how good that is."
    ),
    "replay": Place(
        "replay:replay",
        "Run a stored request again: the same network must give the same bytes, another one shows what would change.",
    ),
    "dead-letters": Place("dead_letters:app", "What was refused: look at it, send it again, dismiss it."),
    "rebuild": Place(
        "rebuild:rebuild",
        "Build the cache again from the evidence and the requests, and have every patient decided again.",
    ),
    "reread": Place(
        "reread:reread",
        "Send the events of files again that were read behind other encoders than the network's, to be read anew.",
    ),
    "doctor": Place(
        "doctor:doctor",
        "Check settings, Kafka, topics, Redis, the network, files and this machine; exit 4 where something is wrong.",
    ),
    "schemas": Place(
        "schemas:schemas", "Write the JSON Schema of each record and the AsyncAPI document into a folder."
    ),
}
"""All commands. One is loaded when it is asked for, and the list of them loads none: torch takes seconds."""


class Commands(TyperGroup):
    """The commands of the table, in its order."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list, by their lines alone."""
        lines: dict[str, Any] = {name: TyperCommand(name, help=place.line) for name, place in COMMANDS.items()}
        TyperGroup(name=self.name, help=self.help, params=self.params, commands=lines).format_help(ctx, formatter)

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return [*COMMANDS, *(name for name in super().list_commands(ctx) if name not in COMMANDS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load one; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command = loaded(cmd_name)
        command.name = cmd_name
        return command


def loaded(name: str) -> Any:
    """The command or group of that name, with all that it imports."""
    module, _, attribute = COMMANDS[name].of.partition(":")
    found = getattr(import_module(f"agents.commands.{module}"), attribute)
    if isinstance(found, typer.Typer):
        return get_command(found)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(found)
    return get_command(alone)


app = typer.Typer(
    name="oncostream",
    cls=Commands,
    help="An event-driven streaming processor for precision oncology. Research software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    """An event-driven streaming processor for precision oncology. Research software, not a medical device."""


def main(args: Sequence[str] | None = None) -> None:
    """Run one command (of the process's own arguments) and leave with its exit code; a known failure is one line."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    speak_any_encoding()
    try:
        _require_utf8(sys.argv[1:] if args is None else args)
        app(args)
    except (WrongSettings, AskedWrongly, Refused) as error:
        _leave(2, str(error))
    except (Away, LocalError, Unavailable) as error:
        _leave(4, str(error))
    except (KafkaError, RedisError) as error:
        _leave(4, f"Kafka or Redis went away meanwhile ({type(error).__name__}); try again, or: oncostream doctor")
    except (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        if error.filename is None:
            raise
        _leave(2, f"{error.filename}: {error.strerror}; give a path that can be used so")
    except OSError as error:
        if error.errno not in _FULL:
            raise
        where = f"{error.filename} " if error.filename else "what was asked for "
        _leave(
            4, f"{where}cannot be written: {error.strerror}; make space there, remove what is half written, try again"
        )


def _nowhere() -> TextIO:
    """In place of a stream that was closed from the first: another file would get its number, and its output."""
    return Path(os.devnull).open("w", encoding="utf-8")


def _require_utf8(args: Sequence[str]) -> None:
    """Neither an id nor a path goes any further otherwise: records and the addresses of files are UTF-8."""
    for number, arg in enumerate(args, start=1):
        if not is_utf8(arg):
            raise AskedWrongly(f"argument {number}, {os.fsencode(arg)!r}, is not UTF-8; a file so called: rename it")


def _leave(code: int, text: str) -> None:
    warn(text)
    raise SystemExit(code)
