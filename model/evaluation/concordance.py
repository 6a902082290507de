"""Is who fares worse said to be at more risk? Pairs inside a test fold, summed over the folds of a repeat.

Pairs across folds would compare two fits of a model. Numerators and denominators are summed over folds before they
are divided: a fold counts by its pairs. All functions: weights (B, n) -> (B,), NaN where there is no pair.
torchsurv, lifelines and scikit-survival have these figures without draw weights; the tests hold ours to theirs.
"""

import numpy as np
from numpy.typing import NDArray

from model.evaluation.resampling import ratio
from model.evaluation.tested import Tested
from model.survival import YEAR_DAYS

Array = NDArray[np.float64]
_TIED = 1e-8
"""Two risks this near are tied, as in torchsurv and scikit-survival; a tie is half right."""
TRUNCATED_YEARS = 5


def uno(tested: Tested, weights: Array) -> Array:
    """Uno's C (Uno 2011), events before 5 years, each weighted 1 / G(days)^2."""
    early = tested.days < TRUNCATED_YEARS * YEAR_DAYS
    return _concordance(tested, weights, np.where(early, np.square(tested.inverse), 0.0))


def harrell(tested: Tested, weights: Array) -> Array:
    """Harrell's C (Harrell 1982) over the whole follow-up."""
    return _concordance(tested, weights, np.ones(len(tested.days)))


def area_under_curve(tested: Tested, weights: Array, year: int) -> Array:
    """Cumulative/dynamic AUC of 1 - S(year) (Uno 2007): cases by that year against those free of the event."""
    risk, cases, controls = 1 - tested.survival_at(year), tested.cases(year), tested.controls(year)
    right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for part in tested.folds:
        ill, well = (weights[:, part] * side[part] for side in (cases, controls))
        right += paired(ill, ahead(risk[part], risk[part]), well)
        pairs += ill.sum(1) * well.sum(1)
    return ratio(right, pairs)


def ahead(one: Array, other: Array) -> Array:
    """(n,), (m,) -> (n, m): 1 where the first is higher, one half where the two are tied."""
    higher = one[:, None] - other[None, :]
    return np.where(np.abs(higher) <= _TIED, 0.5, (higher > 0).astype(np.float64))


def paired(left: Array, pairs: Array, right: Array) -> Array:
    """Weighted sum over pairs: (B, n), (n, m), (B, m) -> (B,)."""
    kept = pairs.any(1)  # most patients have no event, and lead no pair
    summed: Array = np.einsum("bm,bm->b", left[:, kept] @ pairs[kept], right)
    return summed


def _concordance(tested: Tested, weights: Array, of_event: Array) -> Array:
    right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for part in tested.folds:
        days, event, drawn = tested.days[part], tested.event[part], weights[:, part]
        outlived = (days[:, None] < days) | ((days[:, None] == days) & ~event)
        comparable = (event * of_event[part])[:, None] * outlived
        right += paired(drawn, comparable * ahead(tested.risk[part], tested.risk[part]), drawn)
        pairs += paired(drawn, comparable, drawn)
    return ratio(right, pairs)
