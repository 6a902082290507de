"""One `oncostream run` as a process that a test may freeze, wake, kill and end."""

import os
import signal
import subprocess
import sys
import urllib.request
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

    def metrics(self) -> str:
        """What Prometheus would read now."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def in_work(self, role: str) -> float:
        """Seconds that the oldest batch of a role has been in work; 0 before the worker answers."""
        try:
            lines = self.metrics().splitlines()
        except OSError:
            return 0.0
        name = f'oncostream_oldest_unacknowledged_seconds{{role="{role}"}} '
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

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
