"""A command as it is typed, run in the process of the test: one of its own takes seconds to load torch."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from agents.cli import main


@dataclass(frozen=True)
class Done:
    """What a command said."""

    stdout: str
    stderr: str


def typed(*args: object, code: int = 0) -> Done:
    """Run `oncostream ARGS` to its end, which must be with this exit code."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([str(arg) for arg in args])
    assert left.value.code == code, (out.getvalue() + err.getvalue())[-2000:]
    return Done(out.getvalue(), err.getvalue())
