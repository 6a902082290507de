"""Figures, intervals and paired differences as a whole: what holds for any model, and what is left out and said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cohort import made_study

from model.evaluation.conformal import coverage_by_pattern
from model.evaluation.measure import NAMING, Measured, Measures, compare, measure
from model.evaluation.metrics import ASIDE, BETTER, DIAGNOSIS, SURVIVAL, Better
from model.evaluation.plots import write_plots
from model.evaluation.report import markdown
from model.evaluation.resampling import draw_patients
from model.evaluation.study import Study
from schemas.errors import Refused

GOOD, POOR = made_study(seed=8, noise=0.3), made_study(seed=8, noise=3.0)


@pytest.fixture(scope="module")
def good() -> Measures:
    return measure(GOOD, draws=200, seed=0, mean_of=("OS",))


@pytest.fixture(scope="module")
def poor() -> Measures:
    return measure(POOR, draws=200, seed=0, mean_of=("OS",))


def row(measures: Measures, metric: str, endpoint: str = "OS") -> Measured:
    return next(one for one in measures.rows() if (one.metric, one.endpoint) == (metric, endpoint))


def only_repeats(study: Study, at: list[int]) -> Study:
    tests = {name: getattr(study, name)[:, at] for name in ("fold", "risk", "survival", "classes")}
    return replace(study, **tests)


def test_every_metric_is_measured_once(good: Measures) -> None:
    assert not good.left_out
    found = [(one.metric, one.endpoint) for one in good.rows() if not one.endpoint.startswith("mean")]
    assert found == [(one.name, "OS") for one in SURVIVAL] + [(one.name, NAMING) for one in DIAGNOSIS]
    assert set(BETTER) > ASIDE


def test_a_figure_is_the_mean_over_repeats(good: Measures) -> None:
    alone = [measure(only_repeats(GOOD, at), 0, 0) for at in ([0], [1])]
    for metric in ("Uno C, 5 y", "Brier skill, 0-5 y", "ECE, 2 y"):
        assert row(good, metric).value == pytest.approx(np.mean([row(one, metric).value for one in alone]))


def test_a_mean_of_endpoints_is_the_mean_of_each_draw(good: Measures) -> None:
    assert np.array_equal(good.figures["Uno C, 5 y", "mean of OS"], good.figures["Uno C, 5 y", "OS"])
    with pytest.raises(Refused, match="RFS"):
        measure(GOOD, draws=0, seed=0, mean_of=("OS", "RFS"))


def test_an_interval_has_the_width_of_the_closed_form(good: Measures) -> None:
    """Accuracy in one repeat is a binomial share."""
    found = row(measure(only_repeats(GOOD, [0]), 1000, 1), "accuracy", NAMING)
    error = np.sqrt(found.value * (1 - found.value) / 240)
    assert (found.high - found.low) == pytest.approx(2 * 1.96 * error, rel=0.08)
    assert found.low < found.value < found.high


def test_the_better_model_is_found_better_and_equals_itself(good: Measures, poor: Measures) -> None:
    found = {(one.metric, one.endpoint): one for one in compare(good, poor)}
    for metric in ("Uno C, 5 y", "Harrell C", "AUC, 2 y", "Brier skill, 0-5 y"):
        assert found[metric, "OS"].low > 0
    assert found["integrated Brier, 0-5 y", "OS"].high < 0
    assert {BETTER[metric] for metric, _ in found} == {Better.HIGHER, Better.LOWER}
    assert all((one.value, one.low, one.high) == (0, 0, 0) for one in compare(good, good))


def test_pairing_narrows_the_difference(good: Measures, poor: Measures) -> None:
    """Two models on the same draws share their luck: less spread than two independent ones would have."""
    near = measure(made_study(seed=8, noise=0.3), draws=200, seed=0)
    shifted = replace(near.study, risk=near.study.risk + 0.05 * np.sin(np.arange(240))[:, None, None])
    one = next(one for one in compare(measure(shifted, 200, 0), near) if one.metric == "Uno C, 5 y")
    alone = row(good, "Uno C, 5 y")
    assert one.high - one.low < (alone.high - alone.low) / 3


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(made_study(seed=9), id="other-fates"),
        pytest.param(made_study(seed=8, patients=120), id="other-patients"),
        pytest.param(replace(GOOD, endpoints=("DSS",)), id="other-endpoint"),
    ],
)
def test_models_of_other_studies_are_not_compared(good: Measures, other: Study) -> None:
    with pytest.raises(Refused, match="measure both on the same"):
        compare(good, measure(other, draws=200, seed=0))


@pytest.mark.parametrize(("draws", "seed"), [(100, 0), (200, 1)])
def test_other_draws_are_not_compared(good: Measures, draws: int, seed: int) -> None:
    with pytest.raises(Refused, match="measure both on the same"):
        compare(good, measure(GOOD, draws, seed))


def test_a_horizon_of_3_years_leaves_out_what_needs_5_and_says_so() -> None:
    blind = GOOD.survival.copy()
    blind[..., 3:] = np.nan
    found = measure(replace(GOOD, survival=blind), draws=20, seed=0)
    assert {one.metric for one in found.left_out} == {
        "AUC, 4 y", "AUC, 5 y", "Brier skill, 0-5 y", "integrated Brier, 0-5 y",
        "ECE, 5 y", "observed/expected, 5 y", "calibration slope, 5 y",
    }  # fmt: skip
    assert np.isfinite(row(found, "Uno C, 5 y").value)
    assert "OS, Brier skill, 0-5 y: no prediction" in markdown([found])


def test_follow_up_that_ends_leaves_out_later_years_too() -> None:
    found = measure(replace(GOOD, days=np.minimum(GOOD.days, 1000.0)), draws=20, seed=0)
    assert "AUC, 2 y" not in {one.metric for one in found.left_out}
    assert "AUC, 3 y" in {one.metric for one in found.left_out}


def test_a_fold_without_an_event_adds_no_pair() -> None:
    spared = GOOD.event & (GOOD.fold[:, :1] != 0)
    found = measure(replace(GOOD, event=spared), draws=20, seed=0)
    assert np.isfinite([one.value for one in found.rows()]).all()


def test_draws_without_an_event_have_no_value_and_are_counted() -> None:
    event = np.zeros_like(GOOD.event)
    event[np.nonzero(GOOD.event & (GOOD.days < 700))[0][:2]] = True
    found = measure(replace(GOOD, event=event), draws=200, seed=0)
    assert 0 < row(found, "Uno C, 5 y").draws < 200
    assert f"; {row(found, 'Uno C, 5 y').draws} draws)" in markdown([found])


def test_without_any_event_nothing_that_needs_one_is_measured() -> None:
    found = measure(replace(GOOD, event=np.zeros_like(GOOD.event)), draws=20, seed=0)
    assert {"Uno C, 5 y", "AUC, 2 y", "calibration slope, 2 y"} <= {one.metric for one in found.left_out}
    assert "too few events" in markdown([found])


def with_another_endpoint(timed: np.ndarray) -> Study:
    """`RFS` beside `OS`, its time known of some alone (N,)."""
    twice = {name: np.repeat(getattr(GOOD, name), 2, axis=2) for name in ("risk", "survival")}
    days = np.concatenate((GOOD.days, np.where(timed[:, None], GOOD.days, np.nan)), 1)
    return replace(GOOD, endpoints=("OS", "RFS"), days=days, event=np.repeat(GOOD.event, 2, axis=1), **twice)


@pytest.mark.parametrize(
    "timed",
    [
        pytest.param(GOOD.fold[:, 0] == 1, id="of-one-fold"),
        pytest.param(np.arange(240) == 7, id="of-one-patient"),
    ],
)
def test_an_endpoint_known_in_one_fold_alone_is_left_out_and_said_and_costs_no_other(
    good: Measures, timed: np.ndarray, tmp_path: Path
) -> None:
    found = measure(with_another_endpoint(timed), draws=200, seed=0)
    assert {one.endpoint for one in found.rows()} == {"OS", NAMING}
    assert [row(found, one.name).value for one in SURVIVAL] == [row(good, one.name).value for one in SURVIVAL]
    assert "RFS, Uno C, 5 y: a repeat has fewer than two folds" in markdown([found])
    assert len(write_plots([found], tmp_path)) == 3


def test_a_repeat_that_tests_nobody_whose_time_or_label_is_known_is_said(tmp_path: Path) -> None:
    second = np.array([False, True])
    fold = np.where((np.arange(240)[:, None] < 120) == second, -1, GOOD.fold)
    days = np.where(np.arange(240)[:, None] < 120, GOOD.days, np.nan)
    found = measure(replace(GOOD, fold=fold, days=days, truth=np.full(240, -1)), draws=20, seed=0)
    assert not found.rows()
    assert "diagnosis, accuracy: a repeat tests no patient whose label is known" in markdown([found])
    assert len(write_plots([found], tmp_path)) == 3


def test_a_draw_takes_as_many_patients_as_there_are() -> None:
    weights = draw_patients(50, 30, np.random.default_rng(0))
    assert weights[0].tolist() == [1.0] * 50
    assert weights.sum(1).tolist() == [50.0] * 31
    assert len(np.unique(weights, axis=0)) == 31


def test_the_report_names_every_model_difference_and_pattern(good: Measures, poor: Measures) -> None:
    text = markdown([good, poor], coverage_by_pattern(["clinical|x", "clinical|x"], np.array([True, False])))
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert "| endpoint | metric | better | noise 0.3 | noise 3.0 |" in table
    assert "| endpoint | metric | better | - noise 3.0 |" in table
    value = row(good, "Uno C, 5 y")
    assert f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})" in text
    assert "| clinical\\|x | 2 | 0.500 | 0.354 |" in table
    assert "(worse)" in markdown([poor, good])
