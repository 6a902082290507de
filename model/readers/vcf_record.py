"""One line of a VCF's body: checked column by column, and against the lines before it."""

import re
from collections import OrderedDict
from dataclasses import dataclass

from model.readers.text_lines import unreadable
from model.readers.variants import short
from model.readers.vcf_header import VcfHeader
from model.readers.vcf_values import read_info, read_sample

_BASES = "[ACGTNacgtn]+"
_MATE = r"<?[^\[\]<>,\s]+>?:\d+"
_ONE_ALT = (
    rf"(?:{_BASES}|\*|<[^<>,\s]+>|\.{_BASES}|{_BASES}\."
    rf"|[ACGTNacgtn.]+(?:\[{_MATE}\[|\]{_MATE}\])|(?:\[{_MATE}\[|\]{_MATE}\])[ACGTNacgtn.]+)"
)
_ONE_FILTER = r"(?!(?:0|\.)(?:;|$))[^\s;]+"
_COLUMN_RULES = (
    ("CHROM", r"[^\s,:<>]+|<[^\s,:<>]+>|HLA-[^\s,<>]+"),
    ("POS", r"\d{1,10}"),
    ("ID", r"[^\s;]+(?:;[^\s;]+)*"),
    ("REF", _BASES),
    ("ALT", rf"\.|{_ONE_ALT}(?:,{_ONE_ALT})*"),
    ("QUAL", r"\.|\+?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity|nan))"),
    ("FILTER", rf"\.|{_ONE_FILTER}(?:;{_ONE_FILTER})*"),
    ("INFO", r"\S.*"),
    ("FORMAT", r"[^\s:]+(?::[^\s:]+)*"),
)
_RULES = tuple((name, re.compile(pattern)) for name, pattern in _COLUMN_RULES)
_MAX_CHROMOSOMES = 100_000
_REMEMBERED = 4096
_MAX_ALTERNATIVES = 100
"""A bound on work: what is looked up for one alternative is looked up for each."""
_MAX_LOOKED_UP = 2**24
"""Characters of a sample, times the alternatives they are looked up for."""


@dataclass(frozen=True)
class VcfRecord:
    """One line, with the one sample that is read."""

    chrom: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    """Empty where ALT is `.`."""
    passed: bool
    info: dict[str, str]
    sample: dict[str, str]
    samples: int
    """How many samples the file has: INFO speaks of all of them."""


def read_record(number: int, line: str, header: VcfHeader, sample: int) -> VcfRecord:
    """Read one line and the sample at index `sample`; Refused where any column breaks the specification."""
    columns = line.split("\t")
    if len(columns) != header.width:
        raise unreadable(number, f"{len(columns)} columns where the #CHROM line has {header.width}")
    for (name, pattern), text in zip(_RULES, columns, strict=False):
        if not pattern.fullmatch(text):
            raise unreadable(number, f"{name} is not written as VCF allows")
    chrom, pos, _, ref, alt, _, filters, info = columns[:8]
    alts = () if alt == "." else tuple(alt.split(","))
    if len(alts) > _MAX_ALTERNATIVES:
        raise unreadable(number, f"more than {_MAX_ALTERNATIVES} alternatives; split the line")
    if max(map(len, columns[9:]), default=0) * len(alts) > _MAX_LOOKED_UP:
        raise unreadable(number, "a sample too long to be looked up for that many alternatives; split the line")
    samples = _read_samples(number, columns, header, len(alts))
    return VcfRecord(
        chrom=chrom.strip("<>"),
        pos=int(pos),
        ref=ref,
        alts=alts,
        passed=filters in (".", "PASS"),
        info=read_info(number, info, header.infos),
        sample=samples[sample] if samples else {},
        samples=len(samples),
    )


def _read_samples(number: int, columns: list[str], header: VcfHeader, alts: int) -> list[dict[str, str]]:
    if len(columns) < 10:
        return []
    keys = columns[8].split(":")
    if len(set(keys)) != len(keys) or "GT" in keys[1:]:
        raise unreadable(number, "a FORMAT with a key twice, or with GT not first")
    return [read_sample(number, keys, text, header.formats, alts) for text in columns[9:]]


class EarlierLines:
    """What a line must keep with the lines before it: chromosomes in one piece, and no variant twice.

    Memory is bounded: the names of the chromosomes, and the last few thousand variants.
    """

    def __init__(self) -> None:
        self._current = ""
        self._finished: set[str] = set()
        self._recent: OrderedDict[tuple[str, int, str, str], None] = OrderedDict()

    def check(self, number: int, record: VcfRecord) -> None:
        """Refused where this record starts a chromosome again, or says again what another said."""
        chrom = short(record.chrom)
        if chrom != self._current:
            self._finished.add(self._current)
            self._current = chrom
            if chrom in self._finished or len(self._finished) > _MAX_CHROMOSOMES:
                raise unreadable(number, "a chromosome that had ended before (sort the file), or far too many of them")
        for alt in record.alts:
            self._remember(number, record, alt)

    def _remember(self, number: int, record: VcfRecord, alt: str) -> None:
        if not re.fullmatch(_BASES, alt):
            return
        pos, ref, trimmed_alt = trimmed(record.pos, record.ref.upper(), alt.upper())
        variant = (self._current, pos, short(ref), short(trimmed_alt))
        if variant in self._recent:
            raise unreadable(number, "a variant that an earlier line has already (keep one of them)")
        self._recent[variant] = None
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)


def trimmed(pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The same variant without bases that reference and alternative share at either end; one base is left of each."""
    end, most = 0, min(len(ref), len(alt)) - 1
    while end < most and ref[-1 - end] == alt[-1 - end]:
        end += 1
    start, most = 0, most - end
    while start < most and ref[start] == alt[start]:
        start += 1
    return pos + start, ref[start : len(ref) - end], alt[start : len(alt) - end]
