"""Calibration slope: how much the predicted log odds must be stretched to fit what happened.

A logistic regression (Cox 1958) of "event by the year" on logit(1 - S(year)), weighted against censoring, rather
than a Cox regression on log(-log S): it judges the same year as the other figures of calibration do, assumes nothing of
hazards between, and is a function of weighted sums, so that a thousand draws are fitted at once.
Below 1 the predictions are too extreme, above 1 too timid.
"""

import numpy as np
from numpy.typing import NDArray

from model.evaluation.tested import Tested

Array = NDArray[np.float64]
_EDGE = 1e-6
"""Log odds of 0 and 1 do not exist."""
_STEPS, _SETTLED = 30, 1e-8
_ROUNDING = 1e-12
"""Of a determinant, against its terms: what is no more than this is left over by rounding, and no curvature."""


def calibration_slope(tested: Tested, weights: Array, year: int) -> Array:
    """The slope: weights (B, n) -> (B,); NaN where a fit does not settle, as when cases and controls fall apart."""
    cases, controls = tested.cases(year), tested.controls(year)
    known = (cases + controls) > 0
    risk = np.clip(1 - tested.survival_at(year), _EDGE, 1 - _EDGE)
    odds = np.log(risk / (1 - risk))[known]
    counted = weights[:, known] * (cases + controls)[known]
    first = _logistic(odds, cases[known] > 0, counted[:1], np.zeros(2))
    start = first[0] if np.isfinite(first).all() else np.zeros(2)
    return np.concatenate((first, _logistic(odds, cases[known] > 0, counted[1:], start)))[:, 1]


def _logistic(odds: Array, happened: NDArray[np.bool_], weights: Array, start: Array) -> Array:
    """Intercept and slope of each draw by Newton's method: (n,), (n,), (B, n), (2,) -> (B, 2)."""
    powers = np.stack((np.ones_like(odds), odds, np.square(odds)), 1)  # (n, 3)
    fitted, moving = np.tile(start, (len(weights), 1)), np.arange(len(weights))
    with np.errstate(all="ignore"):  # a fit that runs away ends as NaN below
        for _ in range(_STEPS):
            drawn = weights[moving]
            risk = 1 / (1 + np.exp(-(fitted[moving] @ powers[:, :2].T)))  # (B, n)
            slopes = (drawn * (happened - risk)) @ powers[:, :2]
            bends = (drawn * risk * (1 - risk)) @ powers
            step = _solved(bends, slopes)
            fitted[moving] += step
            moving = moving[~(np.abs(step).max(1) <= _SETTLED)]
            if not len(moving):
                break
    fitted[moving] = np.nan
    return fitted


def _solved(bends: Array, slopes: Array) -> Array:
    """The 2 x 2 systems [[b0, b1], [b1, b2]] x = slopes: (B, 3), (B, 2) -> (B, 2); NaN where odds are all alike."""
    b0, b1, b2 = bends.T
    determinant = b0 * b2 - b1 * b1
    determinant = np.where(determinant > _ROUNDING * b0 * b2, determinant, np.nan)
    turned = np.stack((b2 * slopes[:, 0] - b1 * slopes[:, 1], b0 * slopes[:, 1] - b1 * slopes[:, 0]), 1)
    solution: Array = turned / determinant[:, None]
    return solution
