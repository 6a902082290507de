"""A stream from which a reader that trusts lengths in the file takes no more than a bound."""

from typing import BinaryIO

from schemas.errors import Reason, Refused


class BoundedStream:
    """Reads of `source`, all together no more than `most` bytes before `start` is called again; Refused beyond."""

    def __init__(self, source: BinaryIO, most: int, part: str) -> None:
        self._source, self._most, self._part = source, most, part
        self._taken = 0

    def start(self) -> None:
        """Count from nothing again."""
        self._taken = 0

    def read(self, size: int = -1, /) -> bytes:
        """As of any stream; refused before it is read where more is there than may be taken."""
        left = self._most - self._taken
        content = self._source.read(left + 1 if size < 0 else min(size, left + 1))
        self._taken += len(content)
        if self._taken > self._most:
            raise Refused(
                Reason.TOO_LARGE, f"a DICOM file with {self._part} of over {self._most} bytes; export the image again"
            )
        return content

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As of any stream."""
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        """As of any stream."""
        return self._source.tell()
