"""Risk-coverage: how wrong a model is on those it is surest of, as it is let speak of more and more patients.

The area under the curve (Geifman and El-Yaniv 2017) is the mean error over all coverages: lower is better, and it
falls both with the error and with knowing where it lies.
"""

import numpy as np
from numpy.typing import NDArray

from model.evaluation.brier import losses
from model.evaluation.resampling import ratio
from model.evaluation.tested import Tested

Array = NDArray[np.float64]


def surest_first(confidence: Array, error: Array, weights: Array) -> tuple[Array, Array]:
    """Shares kept, rising to 1, and the mean error among the kept: (n,), (n,), (B, n) -> two (B, K).

    K distinct confidences: the equally sure are kept together.
    """
    order = np.argsort(-confidence, kind="stable")
    starts = np.unique(-confidence[order], return_index=True)[1]
    kept = np.cumsum(np.add.reduceat(weights[:, order], starts, axis=1), 1)
    wrong = np.cumsum(np.add.reduceat((weights * error)[:, order], starts, axis=1), 1)
    return ratio(kept, kept[:, -1:]), ratio(wrong, kept)


def area_under_risk(kept: Array, risk: Array) -> Array:
    """(B, K), (B, K) -> (B,): each patient counts with the error at the coverage that takes the patient in."""
    mass = np.diff(kept, axis=1, prepend=0.0)
    area: Array = np.where(mass > 0, mass * risk, 0.0).sum(1)
    return area


def risk_at(kept: Array, risk: Array, shares: Array) -> Array:
    """The error at given coverages, of the smallest kept set that reaches each: (B, K), (S,) -> (B, S)."""
    columns = [(kept >= share - 1e-12).argmax(1) for share in shares]
    return np.take_along_axis(risk, np.stack(columns, 1), 1)


def survival_selection(tested: Tested, weights: Array, year: int) -> tuple[Array, Array]:
    """Kept shares and Brier score at the year, surest first: sure is who has S(year) far from one half."""
    survival = tested.survival_at(year)
    return surest_first(np.abs(survival - 0.5), losses(tested, survival, year), weights)
