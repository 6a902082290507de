"""Lines of a text file, plain, gzip or BGZF, with their numbers: one line in memory at a time."""

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from schemas.errors import Reason, Refused


@dataclass(frozen=True)
class TextLimits:
    """How much is read of one file: bounds on work, for one line at a time is all that is ever in memory.

    A whole genome with its blocks of reference (gVCF) has some 10^8 lines, 20 GiB, and packs 10 to 20 times smaller.
    """

    line_bytes: int = 4 * 2**20
    """Longest line; a whole chromosome on one line is no table and no list of reads."""
    text_bytes: int = 32 * 2**30
    """Once unpacked."""
    ratio: int = 200
    """Unpacked over packed size, of a file that is more than `small_bytes` unpacked."""
    small_bytes: int = 2**24
    line_counts: int = 64
    """Bytes that a line counts at least: blank ones are work too."""

    def most_bytes(self, packed_bytes: int) -> int:
        """How much text a file of this size may hold."""
        return min(self.text_bytes, max(self.small_bytes, self.ratio * packed_bytes))


_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_UNPACK_BUFFER_BYTES = 2**20


def unreadable(number: int, found: str) -> Refused:
    """The refusal of a file for what is on line `number`; `found` never quotes the line."""
    return Refused(Reason.UNREADABLE_FILE, f"line {number}: {found}; correct the file and send the event again")


def numbered_lines(path: Path, limits: TextLimits = TextLimits()) -> Iterator[tuple[int, str]]:
    """Give (number from 1, text without its line end) of every line; Refused where the file is cut off or binary."""
    with path.open("rb") as raw:
        most = limits.most_bytes(os.fstat(raw.fileno()).st_size)
        packed = raw.read(2) == b"\x1f\x8b"
        if packed:
            _check_bgzf_end(raw)
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield from _lines(io.BufferedReader(unpacked, _UNPACK_BUFFER_BYTES), limits, most)
        else:
            yield from _lines(raw, limits, most)


def _lines(stream: BinaryIO | io.BufferedReader, limits: TextLimits, most: int) -> Iterator[tuple[int, str]]:
    number, total = 0, 0
    while line := _next_line(stream, limits.line_bytes, number + 1):
        number, total = number + 1, total + max(len(line), limits.line_counts)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)  # spreadsheets and Windows editors put it there
        if total > most:
            raise _too_much(limits)
        yield number, line.decode("utf-8", "replace").rstrip("\r\n")


def _too_much(limits: TextLimits) -> Refused:
    return Refused(
        Reason.TOO_LARGE,
        f"a text of more than {limits.text_bytes} bytes, or one that unpacks to over {limits.ratio} times its size "
        f"(a line counts as {limits.line_counts} bytes at least); send what was found alone, without what pads it",
    )


def _next_line(stream: BinaryIO | io.BufferedReader, longest: int, number: int) -> bytes:
    try:
        line = stream.readline(longest)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise unreadable(number, "the compressed file is damaged or cut off here") from error
    if len(line) == longest and not line.endswith(b"\n"):
        raise unreadable(number, f"longer than {longest} bytes")
    if b"\x00" in line:
        raise unreadable(number, "a NUL byte, so this is not text")
    return line


def _check_bgzf_end(raw: BinaryIO) -> None:
    """A BGZF file cut between two blocks unpacks without complaint; only its end marker tells."""
    raw.seek(0)
    start = raw.read(16)
    is_bgzf = len(start) == 16 and start[3] & 4 and start[12:14] == b"BC"
    raw.seek(0, io.SEEK_END)
    size = raw.tell()
    raw.seek(max(0, size - len(_BGZF_END)))
    if is_bgzf and raw.read() != _BGZF_END:
        raise Refused(
            Reason.UNREADABLE_FILE, "the BGZF file has no end marker, so it was cut off; send the whole file again"
        )
