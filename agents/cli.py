"""The command line: `oncostream COMMAND`. Exit codes: 0 done, 2 asked wrongly, 3 not settled, 4 away, 1 a bug."""

import sys
from importlib import import_module
from typing import Any

import typer
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError
from typer.core import TyperGroup
from typer.main import get_command

from agents.exits import AskedWrongly, Away
from deploy.local.errors import LocalError
from schemas.errors import Refused, Unavailable
from streams.settings import WrongSettings

COMMANDS = {
    "demo": "demo:demo",
    "up": "up:up",
    "down": "up:down",
    "run": "run:run",
    "send": "send:send",
    "status": "status:status",
    "results": "results:results",
    "cohort": "cohort:app",
    "train": "train:train",
    "evaluate": "evaluate:evaluate",
    "replay": "replay:replay",
    "dead-letters": "dead_letters:app",
    "rebuild": "rebuild:rebuild",
    "doctor": "doctor:doctor",
    "schemas": "schemas:schemas",
}
"""Name -> `module:function` (or a group's `app`) in `agents.commands`; loaded when asked for: torch takes seconds."""


class Commands(TyperGroup):
    """The commands of the table, in its order."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return [*COMMANDS, *(name for name in super().list_commands(ctx) if name not in COMMANDS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load one; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        loaded = getattr(import_module(f"agents.commands.{module}"), name)
        if not isinstance(loaded, typer.Typer):
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(cmd_name)(loaded)
            loaded = alone
        command = get_command(loaded)
        command.name = cmd_name
        return command


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


def main() -> None:
    """Run one command and leave with its exit code; a known failure is one line on stderr."""
    try:
        app()
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


def _leave(code: int, text: str) -> None:
    sys.stderr.write(f"oncostream: {text}\n")
    raise SystemExit(code)
