"""Lines of a text file, plain, gzip or BGZF, with their numbers: one line in memory at a time."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from schemas.errors import Reason, Refused

MAX_LINE_BYTES = 4 * 2**20
"""Longest line read; a whole chromosome on one line is no table and no list of reads."""
MAX_TEXT_BYTES = 64 * 2**30
"""Most text read from one file once unpacked: a bound on work, not on memory."""

_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_UNPACK_BUFFER_BYTES = 2**20


def unreadable(number: int, found: str) -> Refused:
    """The refusal of a file for what is on line `number`; `found` never quotes the line."""
    return Refused(Reason.UNREADABLE_FILE, f"line {number}: {found}; correct the file and send the event again")


def numbered_lines(path: Path, *, longest: int = MAX_LINE_BYTES) -> Iterator[tuple[int, str]]:
    """Give (number from 1, text without its line end) of every line; Refused where the file is cut off or binary."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        if packed:
            _check_bgzf_end(raw)
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield from _lines(io.BufferedReader(unpacked, _UNPACK_BUFFER_BYTES), longest)
        else:
            yield from _lines(raw, longest)


def _lines(stream: BinaryIO | io.BufferedReader, longest: int) -> Iterator[tuple[int, str]]:
    number, total = 0, 0
    while line := _next_line(stream, longest, number + 1):
        number, total = number + 1, total + len(line)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)  # spreadsheets and Windows editors put it there
        if total > MAX_TEXT_BYTES:
            raise Refused(Reason.TOO_LARGE, f"more than {MAX_TEXT_BYTES} bytes of text; send a smaller file")
        yield number, line.decode("utf-8", "replace").rstrip("\r\n")


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
