"""Files by reference: fetched from allowed places only, and given out when their size and SHA-256 are as promised."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from schemas.errors import Reason, Refused, Unavailable
from schemas.events import FileRef
from streams.file_rules import FileRules, LocalFile, RemoteFile, locate, not_allowed
from streams.remote_files import open_remote

_BLOCK = 2**20
_NEVER = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO, errno.ENODEV})
"""What no later attempt changes: a path that no disk holds, a socket, a device without its driver."""


@dataclass(frozen=True)
class Blobs:
    """Gives local paths of checked files (`schemas.files.Files`). Copies are temporary, and always removed."""

    rules: FileRules
    temp_folder: Path | None = None
    """Where copies of remote and inline files lie while they are read; the system's by default."""
    remote_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By scheme (`https`, `s3`), what fsspec is to be told: credentials, endpoint, certificates."""

    @contextmanager
    def open(self, file: FileRef) -> Iterator[Path]:
        """A path to read from until the `with` ends; raise Refused or Unavailable.

        A local file is read where it lies. One that changes while it is in use is refused when the `with` ends.
        """
        if max(file.bytes or 0, len(file.inline or b"")) > self.rules.max_bytes:
            raise Refused(
                Reason.TOO_LARGE,
                f"a file over the limit of {self.rules.max_bytes} bytes; send it in parts, or raise the limit",
            )
        place = None if file.url is None else locate(file.url, self.rules)
        if isinstance(place, LocalFile):
            with _unchanged(place.path, file):
                yield place.path
            return
        with self._folder() as folder:
            copy = folder / "content"
            self._fill(copy, file, place)
            yield copy

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        try:
            folder = TemporaryDirectory(prefix="oncostream-", dir=self.temp_folder)
        except OSError as full:
            raise Unavailable("no temporary folder can be made; free some space") from full
        with folder as name:
            yield Path(name)

    def _fill(self, copy: Path, file: FileRef, place: RemoteFile | None) -> None:
        try:
            with copy.open("wb") as target:
                if place is None:
                    content = file.inline or b""
                    target.write(content)
                    _check(len(content), hashlib.sha256(content).hexdigest(), file)
                    return
                with open_remote(place, self.remote_options.get(place.scheme, {})) as source:
                    _check(*_copy(source, target, file.bytes or 0), file)
        except OSError as broken:
            raise Unavailable("a file could not be copied: the connection broke, or the disk is full") from broken


@contextmanager
def _unchanged(path: Path, file: FileRef) -> Iterator[None]:
    """Check a local file in place, and that it is still the same one afterwards."""
    before = _hash_in_place(path, file)
    yield
    try:
        after = _identity(path.stat())
    except (FileNotFoundError, NotADirectoryError):
        after = ()
    except OSError as broken:
        raise Unavailable("a local file can no longer be seen just now") from broken
    if after != before:
        raise Refused(
            Reason.HASH_MISMATCH, "the file changed while it was read; send a correction when it is written to the end"
        )


def _hash_in_place(path: Path, file: FileRef) -> tuple[int, ...]:
    try:
        # A pipe must not block the worker, and a link put there since the path was resolved must not be followed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb") as source:  # noqa: PTH123  a descriptor, not a path
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise not_allowed("a path that is not a regular file")
            _check_size(status.st_size, file)
            _check(*_copy(source, None, file.bytes or 0), file)
            return _identity(status)
    except (FileNotFoundError, NotADirectoryError) as absent:
        raise Refused(Reason.FILE_MISSING, "there is no such file; send the event again after the upload") from absent
    except (PermissionError, IsADirectoryError) as closed:
        raise not_allowed("a path that the worker may not read as a file") from closed
    except OSError as broken:
        if broken.errno in _NEVER:
            raise not_allowed("a path that cannot be opened as a file") from broken
        raise Unavailable("a local file cannot be read just now") from broken


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _copy(source: IO[bytes], target: IO[bytes] | None, promised: int) -> tuple[int, str]:
    """Size and SHA-256 of what came; stop at the first byte beyond what was promised."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(min(_BLOCK, promised + 1 - size)):
        size += len(block)
        digest.update(block)
        if target is not None:
            target.write(block)
    return size, digest.hexdigest()


def _check(size: int, sha256: str, file: FileRef) -> None:
    _check_size(size, file)
    if file.sha256 is not None and sha256 != file.sha256:
        raise Refused(
            Reason.HASH_MISMATCH,
            f"the file is {sha256[:8]}…, the event promised {file.sha256[:8]}…; send the event again after the upload",
        )


def _check_size(size: int, file: FileRef) -> None:
    if file.bytes is not None and size != file.bytes:
        found = f"{size} bytes" if size <= file.bytes else f"more than {file.bytes} bytes"
        raise Refused(
            Reason.SIZE_MISMATCH,
            f"the file has {found}, the event promised {file.bytes}; send the event again after the upload",
        )
