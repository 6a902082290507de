"""One server of this machine: started in its folder, watched, stopped, killed, started again."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from deploy.local import child
from deploy.local.claim import Claim, end_orphans, require_space
from deploy.local.errors import LocalError
from deploy.local.ports import require_free

_START_SECONDS = 120.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Program:
    """What to run, where, and how to know that it answers."""

    name: str
    folder: Path
    """Its working folder: nobody else's."""
    command: tuple[str, ...]
    marker: str
    """The argument of `command` that names the folder: by it an orphan of this home is known."""
    port: int
    port_option: str
    prepare: Callable[[], None]
    """Lays out the folder, before each start, when it is ours and nothing runs there."""
    address: str
    answers: Callable[[int], bool]
    environ: Mapping[str, str]
    output: Path
    """Takes what it says on stdout and stderr; the first place to look where it does not start."""


class Server:
    """A running program with its folder claimed; it ends when the process that started it does, however that ends."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._claim = Claim(program.folder)
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """What it is, in a word."""
        return self._program.name

    @property
    def address(self) -> str:
        """Where clients find it; the same after a restart."""
        return self._program.address

    @property
    def pid(self) -> int:
        """Process id of the server itself, while it runs."""
        return int(self._pid_file.read_text(encoding="ascii"))

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._keeper is not None and self._keeper.poll() is None

    @property
    def output(self) -> Path:
        """The file that says why it stopped."""
        return self._program.output

    def start(self) -> None:
        """Start it and return when it answers; on any failure nothing is left running or claimed."""
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._claim.take()
            end_orphans(self._program.marker, frozenset({Path(self._program.command[0]).name, _CHILD.name}))
            require_space(self._program.folder)
            require_free(self._program.port, self._program.port_option)
            self._program.prepare()
            self._pid_file.unlink(missing_ok=True)
            self._keeper = self._launch()
            self._wait_until_it_answers()
            undo.pop_all()

    def stop(self) -> None:
        """End it in order, and let its folder go. Stopping twice is once."""
        self._end()
        self._claim.release()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); the folder stays claimed for `restart`."""
        if self.alive:
            psutil.Process(self.pid).kill()
            self._end()

    def restart(self) -> None:
        """Start it again on the same address and data, stopped first where it still runs."""
        self._end()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _pid_file(self) -> Path:
        return self._program.folder / "pid"

    def _launch(self) -> "subprocess.Popen[bytes]":
        """The keeper, in a session of its own: Ctrl-C reaches us, and we end it in order."""
        keeper = (sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), str(self._pid_file))
        with self._program.output.open("ab") as output:
            return subprocess.Popen(
                (*keeper, *self._program.command),
                cwd=self._program.folder,
                env=dict(self._program.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_until_it_answers(self) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while not (self._pid_file.exists() and self._program.answers(self._program.port)):
            if not self.alive:
                raise LocalError(f"the {self.name} stopped while it started; {self.output.parent} says why")
            if time.monotonic() > give_up:
                raise LocalError(
                    f"the {self.name} did not answer within {_START_SECONDS:.0f} s; {self.output.parent} says why"
                )
            time.sleep(_LOOK_SECONDS)

    def _end(self) -> None:
        if self._keeper is not None:
            self._keeper.terminate()
            self._keeper.wait()
            self._keeper = None
            self._pid_file.unlink(missing_ok=True)


_CHILD = Path(child.__file__)
