"""The variants of one sample, no more than a limit of them: the most telling are kept."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from model.readers.consequences import severity
from schemas.tokens import VariantToken

Rank = tuple[bool, int, bool, int, str, float, int]


@dataclass(frozen=True)
class Variants:
    """Variants in order of rank, and what a reader of them should know (`truncated`, `sample-assumed`)."""

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
        self._kept.append(token)
        if len(self._kept) >= 4 * self._limit:  # sorting now and then costs less than a heap of reversed ranks
            self._kept = heapq.nsmallest(self._limit, self._kept, key=rank)

    def variants(self, flags: Iterable[str] = ()) -> Variants:
        """The most telling so far, most telling first; flagged `truncated` where there were more."""
        kept = heapq.nsmallest(self._limit, self._kept, key=rank)
        cut = ("truncated",) if self._seen > self._limit else ()
        return Variants(tuple(kept), (*flags, *cut))
