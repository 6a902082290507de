"""The seam through which readers get files: the stream fetches and checks them, training opens a folder."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from schemas.events import FileRef


class Files(Protocol):
    """Gives the local path of a file whose size and SHA-256 have been checked.

    Raises `Refused` (not allowed, missing, wrong size or hash, too large) or `Unavailable`.
    """

    def open(self, file: FileRef) -> AbstractContextManager[Path]:
        """A path to read from until the `with` ends."""
