"""Patients drawn again and again: a draw is a vector of weights, and a metric a function of weighted sums.

The bootstrap (Efron 1979) draws patients, not rows: a drawn patient brings its rows in all repeats. Models are not
refitted and censoring curves not estimated again, so an interval speaks of the test patients' luck alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def draw_patients(patients: int, draws: int, generator: np.random.Generator) -> Array:
    """How often each patient is in each draw: (1 + draws, N); row 0 has every patient once: the figure itself."""
    drawn = generator.multinomial(patients, np.full(patients, 1 / patients), size=draws)
    return np.concatenate((np.ones((1, patients)), drawn))


def ratio(above: Array, below: Array) -> Array:
    """`above / below` elementwise; NaN where `below` is 0: a draw without what the metric needs has no value."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    found: Array = np.divide(above, below, out=np.full(shape, np.nan), where=below > 0)
    return found


def mean_known(values: Sequence[Array]) -> Array:
    """The mean of K arrays over those that are not NaN; NaN where all are."""
    stack = np.stack(values)
    known = np.isfinite(stack)
    return ratio(np.where(known, stack, 0.0).sum(0), known.sum(0).astype(np.float64))


def interval(drawn: Array, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of the draws (B,) that have a value; NaN, NaN where none has."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def two_sided(drawn: Array) -> float:
    """How surely a difference is none, from its draws (B,): twice the share beyond 0, and never 0 (Davison 1997)."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return np.nan
    beyond = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (len(known) + 1))


def holm(chances: Sequence[float]) -> list[float]:
    """p values of one family, each made to hold beside the others (Holm 1979), in the order given."""
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    found, reached = [0.0] * len(chances), 0.0
    for rank, place in enumerate(order):
        reached = max(reached, min(1.0, (len(chances) - rank) * chances[place]))
        found[place] = reached
    return found
