"""All temporary files of a worker in one folder: of one that was killed, the next one that starts removes it."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger()

_PREFIX = "oncostream-worker-"
_LOCK = "worker.lock"
"""Locked for as long as its process lives, however that ends; a folder without it is none of ours."""


@contextmanager
def scratch() -> Iterator[None]:
    """Until the `with` ends, what this process puts aside (copies of files, unpacked slides) lies in one folder."""
    with ExitStack() as undo:
        try:
            parent = tempfile.gettempdir()
            remove_orphans(Path(parent))
            folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
            undo.callback(folder.cleanup)
            undo.enter_context(_locked(Path(folder.name)))
            undo.callback(setattr, tempfile, "tempdir", parent)
            tempfile.tempdir = folder.name
        except OSError as error:  # roles that read no such files need none
            log.warning("no_temporary_folder", error=type(error).__name__)
        yield


def remove_orphans(parent: Path) -> None:
    """Remove what workers left that did not come to their end: a copy may be as large as the largest file."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            with lock.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue  # a worker that lives, or another user's
        log.info("orphan_removed", folder=lock.parent.name)


@contextmanager
def _locked(folder: Path) -> Iterator[IO[bytes]]:
    """The lock, which nobody sees before it is held."""
    draft = folder / "draft"
    with draft.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        draft.rename(folder / _LOCK)
        yield file
