"""The metrics of `oncostream evaluate`: each one's name, which way is better, what it needs, how it is computed."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.evaluation import naming
from model.evaluation.brier import integrated_brier, skill
from model.evaluation.concordance import area_under_curve, harrell, uno
from model.evaluation.naming import Named
from model.evaluation.operating_point import sensitivity
from model.evaluation.predictions import YEARS
from model.evaluation.recalibration import calibration_slope
from model.evaluation.reliability import calibration_curve, expected_error, observed_to_expected
from model.evaluation.selective import area_under_risk, survival_selection
from model.evaluation.tested import Tested

Array = NDArray[np.float64]
T = TypeVar("T")
CALIBRATION_YEARS = (2, 5)
DECISION_YEAR = 2
"""Sensitivity and risk-coverage are asked at this year."""


class Better(StrEnum):
    """Which way a metric improves."""

    HIGHER = "higher"
    LOWER = "lower"
    ONE = "nearer 1"


@dataclass(frozen=True)
class Metric(Generic[T]):
    """A figure of one repeat's test patients T under draw weights (B, n) -> (B,)."""

    name: str
    better: Better
    years: tuple[int, ...]
    """The years at which a survival must be predicted and the training patients be followed."""
    value: Callable[[T, Array], Array]


class _OfYear(Protocol):
    def __call__(self, tested: Tested, weights: Array, year: int) -> Array: ...


def _calibration_error(tested: Tested, weights: Array, year: int) -> Array:
    return expected_error(calibration_curve(tested, weights, year))


def _selective_error(tested: Tested, weights: Array, year: int) -> Array:
    return area_under_risk(*survival_selection(tested, weights, year))


def _naming_error(named: Named, weights: Array) -> Array:
    return area_under_risk(*naming.label_selection(named, weights))


def _at(name: str, better: Better, years: tuple[int, ...], value: _OfYear) -> tuple[Metric[Tested], ...]:
    return tuple(Metric(f"{name}, {year} y", better, (year,), partial(value, year=year)) for year in years)


SURVIVAL: tuple[Metric[Tested], ...] = (
    Metric("Uno C, 5 y", Better.HIGHER, (), uno),
    Metric("Harrell C", Better.HIGHER, (), harrell),
    *_at("AUC", Better.HIGHER, YEARS, area_under_curve),
    *_at("sensitivity at 90 % specificity", Better.HIGHER, (DECISION_YEAR,), sensitivity),
    Metric("Brier skill, 0-5 y", Better.HIGHER, YEARS, skill),
    Metric("integrated Brier, 0-5 y", Better.LOWER, YEARS, integrated_brier),
    *_at("ECE", Better.LOWER, CALIBRATION_YEARS, _calibration_error),
    *_at("risk-coverage area", Better.LOWER, (DECISION_YEAR,), _selective_error),
    *_at("observed/expected", Better.ONE, CALIBRATION_YEARS, observed_to_expected),
    *_at("calibration slope", Better.ONE, CALIBRATION_YEARS, calibration_slope),
)
DIAGNOSIS: tuple[Metric[Named], ...] = (
    Metric("accuracy", Better.HIGHER, (), naming.accuracy),
    Metric("macro AUROC", Better.HIGHER, (), naming.macro_auroc),
    Metric("log loss (nats)", Better.LOWER, (), naming.log_loss),
    Metric("label ECE", Better.LOWER, (), naming.label_error),
    Metric("label risk-coverage area", Better.LOWER, (), _naming_error),
)
BETTER = {metric.name: metric.better for metric in SURVIVAL} | {metric.name: metric.better for metric in DIAGNOSIS}
ASIDE = frozenset(("Harrell C", "AUC, 1 y", "AUC, 3 y", "AUC, 4 y", "integrated Brier, 0-5 y"))
"""In the table, and left out of the forest plot: their neighbours say nearly the same."""
