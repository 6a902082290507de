"""Draws of ctDNA as numbers of fixed shape: what the reads say of the mutant fraction. Zero reads is a measurement.

The fraction is that of all reads at a draw's sites together, uncorrected for copies or zygosity; whether a site is
the tumour's is the sender's word.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, polygamma, psi

from model.features import Features, filled, places_of
from schemas.evidence import Evidence
from schemas.tokens import VariantToken

DRAWS = 16
"""The newest so many draws of a patient enter."""
DRAW_NUMBERS = 7
_DAY = 86400.0
_LN10 = math.log(10)
_MOST_READS = 10**9

Site = tuple[int, int]
"""Mutant reads of all reads at one site."""


def draw_features(patients: Sequence[Sequence[Evidence]]) -> Features:
    """The newest S = DRAWS draws of each patient's pieces, oldest first.

    draws (B, S, DRAW_NUMBERS) float32: mean, deviation and upper bound of the log10 fraction (`fraction_evidence`),
    log days before the newest draw and since the one before, log count of sites, whether any read was mutant;
    drawn (B, S) bool.
    """
    series = [sorted(draws_of(pieces).items())[-DRAWS:] for pieces in patients]
    drawn, numbers = places_of(series, DRAWS), [_numbers(each, place) for each in series for place in range(len(each))]
    return {"draws": filled(drawn, np.reshape(numbers, (-1, DRAW_NUMBERS))), "drawn": drawn}


def _numbers(series: Sequence[tuple[datetime, list[Site]]], place: int) -> tuple[float, ...]:
    """One draw of a series."""
    at, sites = series[place]
    mutant, reads = (sum(counts) for counts in zip(*sites, strict=True))
    days = (_log_days(at, series[-1][0]), _log_days(series[max(place - 1, 0)][0], at))
    return (*fraction_evidence(mutant, reads), *days, math.log1p(len(sites)) / 5, mutant > 0)


def draws_of(pieces: Iterable[Evidence]) -> dict[datetime, list[Site]]:
    """The counted sites of every draw, by its time; a draw of which nothing was counted is not there."""
    found: dict[datetime, list[Site]] = {}
    for piece in pieces:
        for token in piece.tokens:
            site = counts_of(token) if type(token) is VariantToken and token.assay == "ctdna" else None
            if site:
                found.setdefault(token.at, []).append(site)
    return found


def counts_of(token: VariantToken) -> Site | None:
    """A site's reads; None where they were not counted, which is a gap.

    A caller that writes a fraction and a depth has counted too: only positive sites would be lost without them.
    """
    if not token.depth or token.depth < 0:
        return None
    if token.mutant_reads is not None:
        mutant = max(token.mutant_reads, 0)
    elif token.vaf is not None and 0 <= token.vaf <= 1:
        mutant = round(token.vaf * token.depth)
    else:
        return None
    # a filtered depth can be below the count of the variant's reads
    return min(mutant, _MOST_READS), min(max(mutant, token.depth), _MOST_READS)


def fraction_evidence(mutant: int, reads: int) -> NDArray[np.float64]:
    """What `mutant` of `reads` say of the fraction p under Jeffreys' prior, Beta(1/2, 1/2): (3,).

    Mean of log10 p, its deviation, and log10 of the bound under which p lies with 95 %: 0 of 20 000 reads
    is not 0 of 200.
    """
    a, b = mutant + 0.5, reads - mutant + 0.5
    mean = (psi(a) - psi(a + b)) / _LN10
    deviation = math.sqrt(float(polygamma(1, a) - polygamma(1, a + b))) / _LN10
    return np.array([mean, deviation, math.log10(float(betaincinv(a, b, 0.95)))])


def _log_days(earlier: datetime, later: datetime) -> float:
    return math.log1p((later - earlier).total_seconds() / _DAY) / 5
