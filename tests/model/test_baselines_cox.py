"""The Cox fits against lifelines and scikit-survival, which is an oracle here and runs nowhere else."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from numpy.typing import NDArray
from sksurv.linear_model import CoxnetSurvivalAnalysis, CoxPHSurvivalAnalysis
from sksurv.nonparametric import kaplan_meier_estimator
from sksurv.util import Surv

from model.baselines.cox import RIDGES, tuned_ridge
from model.baselines.cox_model import cox_model
from model.baselines.elastic_cox import MIX, elastic_path, elastic_strengths
from model.baselines.known import Known, kaplan_meier
from model.baselines.partial_likelihood import PartialLikelihood
from model.baselines.ridge_cox import ridge_path
from model.baselines.tuning import INNER, inner_folds, tune
from model.evaluation.fold import Rows

EDGES = np.array([200.0, 700.0, 1500.0, 4000.0])


def patients(count: int, columns: int, effect: float = 0.6, round_to: int = 30) -> Known:
    """Exponential times whose first three columns matter, censored at random; days rounded, so that many tie."""
    draws = np.random.default_rng(columns)
    values = draws.standard_normal((count, columns))
    times = draws.exponential(900 * np.exp(-effect * values[:, :3].sum(1)))
    ends = draws.uniform(100, 3000, count)
    days = np.ceil(np.minimum(times, ends) / round_to) * round_to if round_to else np.minimum(times, ends)
    return Known(Rows(values, np.ones((count, 1), np.bool_)), days, times <= ends, 0)


def likelihood(known: Known) -> PartialLikelihood:
    return PartialLikelihood(known.days, known.event)


def outcome(known: Known) -> NDArray[np.void]:
    return Surv.from_arrays(known.event, known.days)


@pytest.mark.parametrize(
    ("known", "strength"),
    [
        pytest.param(patients(150, 8), 1.0, id="light"),
        pytest.param(patients(150, 8), 300.0, id="heavy"),
        pytest.param(patients(40, 60), 10.0, id="more-columns-than-patients"),
    ],
)
def test_ridge_coefficients_are_those_of_scikit_survival(known: Known, strength: float) -> None:
    columns = known.rows.columns
    ours = ridge_path(columns, likelihood(known), (10 * strength, strength))[1]
    oracle = CoxPHSurvivalAnalysis(alpha=strength, ties="breslow", tol=1e-12).fit(columns, outcome(known))
    assert ours == pytest.approx(oracle.coef_, abs=1e-6)


def test_ridge_coefficients_are_those_of_lifelines_where_nothing_ties() -> None:
    known = patients(150, 8, round_to=0)
    columns = (known.rows.columns - known.rows.columns.mean(0)) / known.rows.columns.std(0, ddof=1)
    table = pd.DataFrame(columns).assign(days=known.days, event=known.event)
    oracle = CoxPHFitter(penalizer=30.0 / len(columns)).fit(table, "days", "event")
    ours = ridge_path(columns, likelihood(known), (30.0,))[0]
    assert ours == pytest.approx(oracle.params_.to_numpy(), abs=1e-4)


def test_elastic_coefficients_are_those_of_scikit_survival_along_the_path() -> None:
    known = patients(150, 20)
    columns = known.rows.columns
    strengths = elastic_strengths(columns, likelihood(known))
    alphas = [strength / len(columns) for strength in strengths]
    oracle = CoxnetSurvivalAnalysis(l1_ratio=MIX, alphas=alphas, tol=1e-12, max_iter=100_000)
    ours = elastic_path(columns, likelihood(known), strengths)
    assert ours == pytest.approx(oracle.fit(columns, outcome(known)).coef_.T, abs=1e-4)
    assert not ours[0].any()
    assert np.count_nonzero(ours[1]) < np.count_nonzero(ours[-1])


def test_curves_are_those_of_scikit_survival() -> None:
    known = patients(150, 8)
    columns = known.rows.columns
    oracle = CoxPHSurvivalAnalysis(alpha=10.0, ties="breslow", tol=1e-12).fit(columns, outcome(known))
    steps = oracle.predict_survival_function(columns[:5])
    ours = cox_model(oracle.coef_, columns, known, EDGES).survival(columns[:5])
    assert ours[:, :3] == pytest.approx(np.array([step(EDGES[:3]) for step in steps]))
    assert ours[:, 3] == pytest.approx([step.y[-1] for step in steps])  # beyond the last patient it stays


def test_a_curve_is_1_before_the_first_event() -> None:
    known = patients(150, 3)
    assert (
        cox_model(np.ones(3), known.rows.columns, known, np.array([1.0])).survival(known.rows.columns).tolist()
        == [[1.0]] * 150
    )


def test_kaplan_meier_is_that_of_scikit_survival() -> None:
    known = patients(150, 3)
    times, survival = kaplan_meier_estimator(known.event, known.days)
    expected = [survival[np.searchsorted(times, edge, side="right") - 1] for edge in EDGES]
    assert kaplan_meier(known, EDGES) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("effect", "choices"),
    [
        pytest.param(0.0, RIDGES[:2], id="noise-wants-the-strongest"),
        pytest.param(1.0, RIDGES[-3:], id="a-clear-signal-wants-a-weak-one"),
    ],
)
def test_inner_folds_choose_the_ridge(effect: float, choices: tuple[float, ...]) -> None:
    known = patients(300, 6, effect)
    assert tuned_ridge(known.rows.columns, known, 0).strength in choices


def test_the_choice_and_the_left_out_risks_are_those_of_fits_without_the_fold() -> None:
    known, strengths = patients(100, 4), (300.0, 30.0, 3.0)
    columns = known.rows.columns
    gained, risks = np.zeros(3), np.zeros((3, 100))
    for row, strength in enumerate(strengths):
        for held in inner_folds(known.event, 7):
            fit = CoxPHSurvivalAnalysis(alpha=strength, ties="breslow", tol=1e-12)
            fit.fit(columns[~held], outcome(known)[~held])
            risks[row, held] = columns[held] @ fit.coef_
            gained[row] += by_definition(columns @ fit.coef_, known)
            gained[row] -= by_definition(columns[~held] @ fit.coef_, known.among(~held))
    tuned = tune(ridge_path, columns, known, strengths, 7)
    assert tuned.strength == strengths[gained.argmax()]
    assert tuned.left_out == pytest.approx(risks[gained.argmax()], abs=1e-6)


def by_definition(risk: NDArray[np.float64], known: Known) -> float:
    """The log partial likelihood, written out patient by patient."""
    return sum(
        float(risk[row] - np.log(np.exp(risk[known.days >= known.days[row]]).sum()))
        for row in np.flatnonzero(known.event)
    )


@pytest.mark.parametrize("count", [2, 4, 23])
def test_inner_folds_hold_every_patient_out_once_and_share_the_events(count: int) -> None:
    event = np.arange(count) % 3 == 0
    folds = inner_folds(event, 1)
    assert len(folds) == min(INNER, count)
    assert np.sum(folds, 0).tolist() == [1] * count
    held_events = [int(event[held].sum()) for held in folds]
    assert max(held_events) - min(held_events) <= 1
