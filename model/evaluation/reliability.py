"""Do the predicted risks come true? Predicted against observed risk in bins, and over all.

Bins hold equally many patients of a repeat, all folds together. They are cut once, on the patients as they are, and
hold for every draw; a draw changes the mass of a bin, its mean prediction and its Kaplan-Meier.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.resampling import ratio
from model.evaluation.tested import Tested
from model.survival import YEAR_DAYS

Array = NDArray[np.float64]
BINS = 10


@dataclass(frozen=True)
class Binned:
    """K bins in B draws, each (B, K); NaN where a bin is empty in a draw."""

    mass: Array
    """Share of the patients; 0 where empty."""
    predicted: Array
    observed: Array


def calibration_curve(tested: Tested, weights: Array, year: int, bins: int = BINS) -> Binned:
    """Mean 1 - S(year) of each bin against 1 - Kaplan-Meier of its patients."""
    risk = 1 - tested.survival_at(year)
    parts = [np.nonzero(bins_of(risk, bins) == number)[0] for number in range(bins)]
    parts = [part for part in parts if len(part)]  # tied predictions share a bin, and leave others empty
    observed = [1 - _survived(tested, part, weights[:, part], year) for part in parts]
    return _binned(weights, parts, risk, np.stack(observed, 1))


def expected_error(binned: Binned) -> Array:
    """Expected calibration error: mass-weighted mean distance of predicted and observed, (B,)."""
    distance = np.abs(binned.predicted - binned.observed)
    error: Array = (binned.mass * np.where(binned.mass > 0, distance, 0.0)).sum(1)
    return error


def observed_to_expected(tested: Tested, weights: Array, year: int) -> Array:
    """1 - Kaplan-Meier of all, against the mean predicted risk: (B,); above 1 the model promises too much."""
    risk = 1 - tested.survival_at(year)
    observed = 1 - _survived(tested, np.arange(len(risk)), weights, year)
    return ratio(observed, ratio(weights @ risk, weights.sum(1)))


def label_curve(confidence: Array, right: NDArray[np.bool_], weights: Array) -> Binned:
    """Mean confidence (n,) of each bin against the share that was right."""
    parts = [np.nonzero(bins_of(confidence) == number)[0] for number in range(BINS)]
    parts = [part for part in parts if len(part)]
    observed = [ratio(weights[:, part] @ right[part], weights[:, part].sum(1)) for part in parts]
    return _binned(weights, parts, confidence, np.stack(observed, 1))


def bins_of(values: Array, bins: int = BINS) -> NDArray[np.int64]:
    """(n,) -> the bin of each, 0 to bins - 1, as equal as ties allow: the tied go by their middle rank, together."""
    _, same, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - count / 2)[same]
    return np.minimum((middle * bins / len(values)).astype(np.int64), bins - 1)


def _binned(weights: Array, parts: list[NDArray[np.int64]], predicted: Array, observed: Array) -> Binned:
    held = np.stack([weights[:, part].sum(1) for part in parts], 1)  # (B, K)
    mean = ratio(np.stack([weights[:, part] @ predicted[part] for part in parts], 1), held)
    return Binned(ratio(held, held.sum(1, keepdims=True)), mean, np.where(held > 0, observed, np.nan))


def _survived(tested: Tested, part: NDArray[np.int64], weights: Array, year: int) -> Array:
    """Kaplan-Meier at the year of weighted patients: (B, n) -> (B,)."""
    order = np.argsort(tested.days[part], kind="stable")
    days, event, drawn = tested.days[part][order], tested.event[part][order], weights[:, order]
    times, starts = np.unique(days, return_index=True)
    leaving = np.add.reduceat(drawn, starts, axis=1)
    dying = np.add.reduceat(drawn * event, starts, axis=1)
    at_risk = np.cumsum(leaving[:, ::-1], 1)[:, ::-1]
    counted = times <= year * YEAR_DAYS
    hazard = np.nan_to_num(ratio(dying, at_risk))[:, counted]
    survived: Array = np.prod(1 - hazard, axis=1)
    return survived
