"""One folder, one owner: who runs a server there, and what an earlier owner left running."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import psutil

from deploy.local.errors import LocalError

NEEDED_BYTES = 1_000_000_000
"""Free space wanted before a start: a full disk under a broker loses more than a start."""

ANOTHER = "choose another --home (of oncostream: ONCOSTREAM_HOME)"
"""The remedy of whoever started us, by `python -m deploy.local` or by `oncostream`."""

_GRACE_SECONDS = 20.0


class Claim:
    """The right to run a server in a folder, held by one process at a time and let go when it dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = folder / "lock"
        self._file: BinaryIO | None = None

    def take(self) -> None:
        """Take the folder, made where it is absent; refuse where another process, or another server here, has it."""
        if self._file is not None:
            return
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().decode(errors="replace").strip() or "another"
            file.close()
            raise LocalError(f"{self.folder} is in use by process {owner}; stop that one, or {ANOTHER}") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        file.flush()
        self._file = file

    def _open(self) -> BinaryIO:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return self._lock.open("a+b")
        except OSError as error:
            raise LocalError(
                f"{self.folder} cannot be written ({error.strerror}); {ANOTHER}, or its permissions"
            ) from error

    def owner(self) -> int | None:
        """The process that has the folder at this moment; None where none has."""
        try:
            with self._lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go when closed
        except BlockingIOError:
            written = self._lock.read_text(encoding="ascii", errors="replace").strip()
            return int(written) if written.isdecimal() else None
        except OSError:
            return None
        return None

    def release(self) -> None:
        """Let the folder go; nothing happens where it is not held."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._file.close()
            self._file = None


def require_space(folder: Path, needed_bytes: int = NEEDED_BYTES) -> None:
    """Refuse a folder whose disk is nearly full."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise LocalError(
            f"{folder} has {free // 1_000_000} MB free, {needed_bytes // 1_000_000} MB are wanted; "
            f"make space, or {ANOTHER}"
        )


def end_orphans(marker: str, programs: frozenset[str]) -> None:
    """End what an earlier owner of this home left running, and wait until it is gone.

    Such a process has `marker` (which names the home) among its arguments and one of `programs`
    (file names) among the first four: an editor that has a file of this home open is left alone.
    """
    orphans = [process for process in psutil.process_iter(["cmdline"]) if _is_ours(process, marker, programs)]
    for process in orphans:
        _signal(process, gently=True)
    _, stubborn = psutil.wait_procs(orphans, timeout=_GRACE_SECONDS)
    for process in stubborn:
        _signal(process, gently=False)
    psutil.wait_procs(stubborn, timeout=_GRACE_SECONDS)


def _is_ours(process: psutil.Process, marker: str, programs: frozenset[str]) -> bool:
    arguments: list[str] = process.info["cmdline"] or []
    return marker in arguments and any(Path(argument).name in programs for argument in arguments[:4])


def _signal(process: psutil.Process, *, gently: bool) -> None:
    try:
        if gently:
            process.terminate()
        else:
            process.kill()
    except psutil.NoSuchProcess:
        return
