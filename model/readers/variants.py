"""The variants of one sample, no more than a limit of them: the most telling are kept."""

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from model.readers.consequences import severity
from schemas.tokens import VariantToken

LONGEST_NAME = 1000
"""Characters of a gene, a change or a consequence that are told as they stand."""

Rank = tuple[bool, int, bool, int, str, float, int]


@dataclass(frozen=True)
class Variants:
    """Variants in order of rank, and what a reader of them should know (`truncated`, `sample-assumed`, ...)."""

    tokens: tuple[VariantToken, ...]
    flags: tuple[str, ...] = ()


def rank(token: VariantToken) -> Rank:
    """Order of telling: passed filters, severe, in a known gene, deeply read; then by name, so that no tie is left."""
    return (
        "filtered" in token.flags,
        severity(token.consequence),
        token.gene == "",
        -(token.depth or 0),
        token.change,
        -1.0 if token.vaf is None else token.vaf,
        -1 if token.mutant_reads is None else token.mutant_reads,
    )


def short(text: str) -> str:
    """A text, or where it is too long its beginning with what tells it from all others: its length and SHA-256."""
    if len(text) <= LONGEST_NAME:
        return text
    return f"{text[:64]}...[{len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()}]"


def _bounded(token: VariantToken) -> VariantToken:
    """An allele may be megabases long: evidence of some of those would be larger than any record can be."""
    if max(len(token.gene), len(token.change), len(token.consequence)) <= LONGEST_NAME:
        return token
    names = {"gene": short(token.gene), "change": short(token.change), "consequence": short(token.consequence)}
    return token.model_copy(update=names)


class MostTelling:
    """Keeps the `limit` most telling of any number of variants, in memory that grows with `limit` alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[VariantToken] = []
        self._seen = 0

    @property
    def seen(self) -> int:
        """How many were considered."""
        return self._seen

    def add(self, token: VariantToken) -> None:
        """Consider one more variant."""
        self._seen += 1
        self._kept.append(_bounded(token))
        if len(self._kept) >= 4 * self._limit:  # sorting now and then costs less than a heap of reversed ranks
            self._kept = heapq.nsmallest(self._limit, self._kept, key=rank)

    def variants(self, flags: Iterable[str] = ()) -> Variants:
        """The most telling so far, most telling first; flagged `truncated` where there were more."""
        kept = heapq.nsmallest(self._limit, self._kept, key=rank)
        cut = ("truncated",) if self._seen > self._limit else ()
        return Variants(tuple(kept), (*flags, *cut))
