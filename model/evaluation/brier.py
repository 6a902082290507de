"""How far predicted survival lies from what happened, and from what the training patients' Kaplan-Meier would say.

Functions: weights (B, n) -> (B,). torchsurv's BrierScore is the same figure without draw weights.
"""

import numpy as np
from numpy.typing import NDArray

from model.evaluation.predictions import YEARS
from model.evaluation.resampling import ratio
from model.evaluation.tested import Tested

Array = NDArray[np.float64]


def losses(tested: Tested, survival: Array, year: int) -> Array:
    """Each patient's squared error at one year, weighted against censoring (Graf 1999): survival (n,) -> (n,)."""
    return tested.cases(year) * np.square(survival) + tested.controls(year) * np.square(1 - survival)


def integrated_brier(tested: Tested, weights: Array) -> Array:
    """Brier score averaged over 0 to 5 years: trapezoids between the years, 0 at time 0."""
    return _integrated(tested, tested.survival, weights)


def skill(tested: Tested, weights: Array) -> Array:
    """1 - integrated Brier / that of the training patients' Kaplan-Meier: 0 says no more than it, 1 says all."""
    return 1 - ratio(_integrated(tested, tested.survival, weights), _integrated(tested, tested.baseline, weights))


def _integrated(tested: Tested, survival: Array, weights: Array) -> Array:
    error = np.stack([losses(tested, survival[:, column], year) for column, year in enumerate(YEARS)], 1)  # (n, Y)
    scores = ratio(weights @ error, weights.sum(1, keepdims=True))  # (B, Y)
    times = np.array((0.0, *YEARS))
    whole = np.concatenate((np.zeros((len(scores), 1)), scores), 1)
    mean: Array = np.trapezoid(whole, times, axis=1) / times[-1]
    return mean
