"""Calibration, sensitivity and risk-coverage against lifelines, scikit-learn and sums worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from evaluation_cohort import made_study
from lifelines import KaplanMeierFitter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve

from model.evaluation.operating_point import sensitivity
from model.evaluation.recalibration import calibration_slope
from model.evaluation.reliability import bins_of, calibration_curve, expected_error, observed_to_expected
from model.evaluation.selective import area_under_risk, risk_at, surest_first
from model.evaluation.tested import gather_tested

WHOLE = gather_tested(made_study(seed=3, patients=300), 0, 0)
DRAWN = np.concatenate((np.ones((1, 300)), np.random.default_rng(4).multinomial(300, np.full(300, 1 / 300), size=3)))[
    :, WHOLE.rows
]


def observed(rows: np.ndarray, weights: np.ndarray, year: int) -> float:
    kept = rows[weights[rows] > 0]
    fitted = KaplanMeierFitter().fit(WHOLE.days[kept], WHOLE.event[kept], weights=weights[kept])
    return 1 - float(fitted.predict(year * 365.25))


@pytest.mark.parametrize("year", [2, 5])
def test_observed_risk_is_lifelines_weighted_kaplan_meier(year: int) -> None:
    risk, bins = 1 - WHOLE.survival_at(year), bins_of(1 - WHOLE.survival_at(year))
    few = DRAWN[:2]
    found, expected = calibration_curve(WHOLE, few, year), np.empty(2)
    for draw, weights in enumerate(few):
        parts = [np.nonzero(bins == number)[0] for number in np.unique(bins)]
        assert found.observed[draw] == pytest.approx([observed(part, weights, year) for part in parts], abs=1e-9)
        distances = [
            abs(observed(part, weights, year) - np.average(risk[part], weights=weights[part])) for part in parts
        ]
        expected[draw] = np.average(distances, weights=[weights[part].sum() for part in parts])
    assert expected_error(found) == pytest.approx(expected)
    whole = [observed(np.arange(300), weights, year) / np.average(risk, weights=weights) for weights in few]
    assert observed_to_expected(WHOLE, few, year) == pytest.approx(whole)


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        pytest.param(np.arange(763.0), [76, 76, 77, 76, 76, 77, 76, 76, 77, 76], id="equal-mass"),
        pytest.param(np.repeat((1.0, 2.0), 50), [0, 0, 50, 0, 0, 0, 0, 50, 0, 0], id="the-tied-stay-together"),
        pytest.param(np.zeros(7), [0, 0, 0, 0, 0, 7, 0, 0, 0, 0], id="all-alike"),
    ],
)
def test_bins(values: np.ndarray, sizes: list[int]) -> None:
    found = np.bincount(bins_of(values), minlength=10)
    assert found.sum() == len(values)
    assert found.tolist() == sizes or (found.max() - found.min() <= 1 and max(sizes) - min(sizes) <= 1)


@pytest.mark.parametrize("year", [2, 5])
def test_the_slope_is_that_of_scikit_learn(year: int) -> None:
    weight, case = WHOLE.cases(year) + WHOLE.controls(year), WHOLE.cases(year) > 0
    risk = np.clip(1 - WHOLE.survival_at(year), 1e-6, 1 - 1e-6)
    odds = np.log(risk / (1 - risk))[:, None]
    theirs = [
        LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(odds, case, sample_weight=weight * drawn).coef_[0, 0]
        for drawn in DRAWN
    ]
    assert calibration_slope(WHOLE, DRAWN, year) == pytest.approx(theirs, abs=1e-4)


def test_stretching_the_predictions_shrinks_the_slope() -> None:
    odds = np.log((1 - WHOLE.survival) / WHOLE.survival)
    timid, half = (replace(WHOLE, survival=1 / (1 + np.exp(odds * share))) for share in (0.25, 0.5))
    once, twice = calibration_slope(timid, DRAWN, 5), calibration_slope(half, DRAWN, 5)
    assert twice == pytest.approx(once / 2)


def test_a_slope_without_end_is_no_number() -> None:
    parted = replace(WHOLE, survival=np.where(WHOLE.cases(5)[:, None] > 0, 0.3, 0.7) * np.ones((1, 5)))
    assert np.isnan(calibration_slope(parted, DRAWN, 5)).all()


@pytest.mark.parametrize("survival", [0.0, 0.123456, 0.37])
def test_a_prediction_that_is_the_same_for_all_has_no_slope(survival: float) -> None:
    """What rounding leaves of no curvature was divided by, and a step of 0 counted as settled."""
    alike = replace(WHOLE, survival=np.full_like(WHOLE.survival, survival))
    assert np.isnan([calibration_slope(alike, DRAWN, year) for year in (2, 5)]).all()


def test_sensitivity_is_the_best_of_the_weighted_roc_curve() -> None:
    weight, case = WHOLE.cases(2) + WHOLE.controls(2), WHOLE.cases(2) > 0
    for drawn, found in zip(DRAWN, sensitivity(WHOLE, DRAWN, 2), strict=True):
        kept = weight * drawn > 0
        false, true, _ = roc_curve(
            case[kept], 1 - WHOLE.survival_at(2)[kept], sample_weight=(weight * drawn)[kept], drop_intermediate=False
        )
        assert float(found) == pytest.approx(true[false <= 0.1 + 1e-12].max())


def test_without_cases_or_controls_there_is_no_sensitivity() -> None:
    nobody = np.stack((WHOLE.cases(2) == 0, WHOLE.controls(2) == 0)).astype(np.float64)
    assert np.isnan(sensitivity(WHOLE, nobody, 2)).all()


def test_risk_coverage_by_hand() -> None:
    confidence, error = np.array([0.6, 0.9, 0.8, 0.8]), np.array([1.0, 0.0, 1.0, 0.0])
    weights = np.array([[1.0, 1, 1, 1], [0, 2, 2, 0]])
    kept, risk = surest_first(confidence, error, weights)
    assert kept.tolist() == [[0.25, 0.75, 1.0], [0.5, 1.0, 1.0]]
    assert risk.tolist() == [[0.0, pytest.approx(1 / 3), 0.5], [0.0, 0.5, 0.5]]
    assert area_under_risk(kept, risk).tolist() == pytest.approx([0.5 / 3 + 0.5 / 4, 0.25])
    assert risk_at(kept, risk, np.array([0.2, 0.5, 1.0])).tolist() == [[0, pytest.approx(1 / 3), 0.5], [0, 0, 0.5]]
