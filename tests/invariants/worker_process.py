"""One `oncostream run` as a process that a test may freeze, wake, kill and end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.local.ports import free_port

ONCOSTREAM = Path(sys.executable).with_name("oncostream")


class Process:
    """One `oncostream run`."""

    def __init__(self, environment: Mapping[str, str], roles: Iterable[str], stderr: Path) -> None:
        self.stderr = stderr
        self.port = free_port()
        self.wanted = True
        chosen = [argument for role in roles for argument in ("--role", role)]
        with stderr.open("wb") as output:
            self.popen = subprocess.Popen(
                [str(ONCOSTREAM), "run", *chosen],
                env={**environment, "ONCOSTREAM_WEB_PORT": str(self.port), "OMP_NUM_THREADS": "1"},
                stderr=output,
                stdout=output,
            )

    def freeze(self) -> None:
        os.kill(self.popen.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.kill(self.popen.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL."""
        self.wanted = False
        self.popen.kill()
        self.popen.wait()

    def leave(self) -> int:
        """SIGTERM, and its exit code."""
        self.wanted = False
        self.popen.terminate()
        return self.popen.wait(30)
