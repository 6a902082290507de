"""Nucleotides of a FASTA or FASTQ file (plain, gzip or BGZF), in pieces, up to a total.

Read line by line and not with pysam.FastxFile, which holds a whole chromosome in memory and takes a cut-off file
for a short one; tests hold this reader against it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.readers.text_lines import numbered_lines, unreadable

_AMBIGUOUS = "RYSWKMBDHV"
_TO_ACGTN = str.maketrans({"U": "T", **dict.fromkeys(_AMBIGUOUS, "N")})
_LETTERS = frozenset("ACGTUN" + _AMBIGUOUS)

Line = tuple[int, str]


@dataclass(frozen=True)
class Sequences:
    """Pieces of sequence in upper-case A, C, G, T and N, none across two records."""

    chunks: tuple[str, ...]
    bases: int
    truncated: bool
    """There was more than was asked for; what is beyond was neither read nor checked."""


def read_sequences(path: Path, *, max_bases: int = 1_000_000, chunk_bases: int = 4096) -> Sequences:
    """The first `max_bases` bases, in pieces of at most `chunk_bases`. Refused where these are no nucleotides."""
    return _first(_pieces(numbered_lines(path), chunk_bases), max_bases)


def sequences_in(text: str, *, max_bases: int = 1_000_000, chunk_bases: int = 4096) -> Sequences:
    """The same for one sequence that came as text."""
    return _first(_cut(iter((nucleotides(1, text),)), chunk_bases), max_bases)


def nucleotides(number: int, text: str) -> str:
    """One line of bases as A, C, G, T and N (U is T, ambiguity codes are N); Refused where it is something else."""
    upper = _upper(number, text)
    _require_clear(number, _unclear(upper), len(upper))
    return upper.translate(_TO_ACGTN)


def _upper(number: int, text: str) -> str:
    upper = text.strip().upper()
    if not _LETTERS.issuperset(upper):
        raise unreadable(number, "letters that are no nucleotides (a protein, or no sequence at all)")
    return upper


def _unclear(upper: str) -> int:
    return sum(upper.count(code) for code in _AMBIGUOUS)


def _require_clear(number: int, unclear: int, bases: int) -> None:
    if 2 * unclear > bases:
        raise unreadable(number, "mostly ambiguity codes, as in a protein")


def _first(pieces: Iterator[str], max_bases: int) -> Sequences:
    chunks, bases = list[str](), 0
    for piece in pieces:
        if bases + len(piece) > max_bases:
            chunks.append(piece[: max_bases - bases])
            return Sequences(tuple(filter(None, chunks)), max_bases, truncated=True)
        chunks.append(piece)
        bases += len(piece)
    if not bases:
        raise unreadable(1, "no sequence in the file")
    return Sequences(tuple(chunks), bases, truncated=False)


def _pieces(lines: Iterator[Line], size: int) -> Iterator[str]:
    first = next(lines, (1, ""))
    if first[1].startswith(">"):
        yield from _cut(_fasta(lines), size)
    elif first[1].startswith("@"):
        yield from _cut(_fastq(first, lines), size)
    else:
        raise unreadable(first[0], "neither > (FASTA) nor @ (FASTQ) at the start")


def _fasta(lines: Iterator[Line]) -> Iterator[str]:
    """Lines of bases; an empty text between two records.

    What is ambiguous is counted over a record: its last line may be a single letter.
    """
    bases = unclear = 0
    for number, line in lines:
        if line.startswith(">"):
            bases = unclear = 0
            yield ""
            continue
        upper = _upper(number, line)
        bases, unclear = bases + len(upper), unclear + _unclear(upper)
        _require_clear(number, unclear, bases)
        yield upper.translate(_TO_ACGTN)


def _fastq(first: Line, lines: Iterator[Line]) -> Iterator[str]:
    """Lines of bases, of records whose qualities may fill several lines; an empty text between two records."""
    head: Line | None = first
    while head is not None:
        if not head[1].startswith("@"):
            raise unreadable(head[0], "a FASTQ record that does not start with @")
        bases = 0
        for number, line in lines:
            if line.startswith("+"):
                break
            text = nucleotides(number, line)
            bases += len(text)
            yield text
        else:
            raise unreadable(head[0], "a FASTQ record without qualities, so the file was cut off")
        _skip_qualities(lines, number, bases)
        yield ""
        head = next((line for line in lines if line[1]), None)


def _skip_qualities(lines: Iterator[Line], start: int, bases: int) -> None:
    left = bases
    while left > 0:
        number, line = next(lines, (start, ""))
        left -= len(line)
        if not line or left < 0:
            raise unreadable(number, "qualities that are not as many as the bases")


def _cut(texts: Iterator[str], size: int) -> Iterator[str]:
    """Pieces of exactly `size` bases, shorter at the end of a record."""
    waiting = ""
    for text in texts:
        if not text and waiting:
            yield waiting
            waiting = ""
        waiting += text
        whole = len(waiting) - len(waiting) % size
        yield from (waiting[start : start + size] for start in range(0, whole, size))
        waiting = waiting[whole:]
    if waiting:
        yield waiting
