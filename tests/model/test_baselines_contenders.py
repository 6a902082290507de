"""What every baseline promises of its forecasts, and what each is worth where the truth is known."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from lifelines.utils import concordance_index
from numpy.typing import NDArray

from model.baselines.catalogue import BASELINES, contender
from model.baselines.known import kaplan_meier, known_of
from model.evaluation.fold import Fold, Forecast, Rows

pytestmark = pytest.mark.slow

EDGES = np.array([200.0, 500.0, 1000.0, 2000.0, 3000.0])
BLOCKS = {"clinical": slice(0, 3), "blood": slice(3, 7), "imaging": slice(7, 12)}
NAMES = (*BASELINES, "single:clinical")
EFFECT = np.array([0.9, -0.6, 0.4] + [0.0] * 9)
"""Only the clinical block is informative."""


def simulated(train: int, test: int, seed: int = 1) -> tuple[Fold, NDArray[np.float64]]:
    """A fold and the test patients' true days. The second endpoint is unknown of some, the third has one event."""
    draws = np.random.default_rng(seed)
    columns = draws.standard_normal((train + test, 12))
    present = np.ones((train + test, 3), np.bool_)
    present[:, 2] = draws.random(train + test) < 0.7
    columns[~present[:, 2], BLOCKS["imaging"]] = 0.0
    times = draws.exponential(900 * np.exp(-(columns @ EFFECT)))
    ends = draws.uniform(200, 4000, train)
    days = np.minimum(times[:train], ends)[:, None].repeat(3, 1)
    days[draws.random(train) < 0.2, 1] = np.nan
    diagnosis = (columns[:train, 0] > 0).astype(np.int64) + (columns[:train, 3] > 1)
    diagnosis[draws.random(train) < 0.1] = -1
    rows = Rows(columns[:train], present[:train]), Rows(columns[train:], present[train:])
    event = (times[:train] <= ends)[:, None].repeat(3, 1)
    event[:, 2] = np.arange(train) == 0
    fold = Fold(*rows, BLOCKS, ("OS", "RFS", "REC"), days, event, ("a", "b", "c"), diagnosis, EDGES, seed=3)
    return fold, times[train:]


FOLD, TIMES = simulated(train=150, test=40)


def poisoned(fold: Fold) -> Fold:
    columns = fold.test.columns.copy()
    columns[0] = 1e6
    return replace(fold, test=Rows(columns, fold.test.present))


@pytest.fixture(autouse=True)
def no_global_generator_moves() -> Iterator[None]:
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    yield
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@cache
def forecast(name: str) -> Forecast:
    return contender(name)(FOLD)


@cache
def forecast_beside_poison(name: str) -> Forecast:
    return contender(name)(poisoned(FOLD))


def risk(said: Forecast) -> NDArray[np.float64]:
    return -said.survival[:, 0].sum(-1)


def check_lawful(said: Forecast, fold: Fold) -> None:
    count = len(fold.test.columns)
    assert said.survival.shape == (count, len(fold.endpoints), len(fold.edges_days))
    assert said.classes.shape == (count, len(fold.labels))
    assert ((said.survival >= 0) & (said.survival <= 1)).all()
    assert (np.diff(said.survival, axis=-1) <= 1e-12).all()
    assert (said.classes >= 0).all()
    if fold.labels:
        assert said.classes.sum(1) == pytest.approx(np.ones(count))


@pytest.mark.parametrize("name", NAMES)
def test_a_forecast_is_lawful_even_of_a_poisoned_patient(name: str) -> None:
    check_lawful(forecast(name), FOLD)
    check_lawful(forecast_beside_poison(name), FOLD)


@pytest.mark.parametrize("name", NAMES)
def test_a_poisoned_test_patient_changes_nobody_else_and_the_same_fold_gives_the_same_forecast(name: str) -> None:
    assert np.array_equal(forecast(name).survival[1:], forecast_beside_poison(name).survival[1:])
    assert np.array_equal(forecast(name).classes[1:], forecast_beside_poison(name).classes[1:])


@pytest.mark.parametrize("name", NAMES)
def test_an_endpoint_of_one_event_is_too_few_and_everyone_gets_the_kaplan_meier_curve(name: str) -> None:
    expected = np.tile(kaplan_meier(known_of(FOLD, 2), EDGES), (40, 1))
    assert forecast(name).survival[:, 2] == pytest.approx(expected)


def with_train(fold: Fold, chosen: slice) -> Fold:
    rows = Rows(fold.train.columns[chosen], fold.train.present[chosen])
    return replace(fold, train=rows, days=fold.days[chosen], event=fold.event[chosen], diagnosis=fold.diagnosis[chosen])


def constant_columns(fold: Fold) -> Fold:
    """The first column is the same for all, and nobody has the last block."""
    columns, present = fold.train.columns.copy(), fold.train.present.copy()
    columns[:, 0], columns[:, BLOCKS["imaging"]], present[:, 2] = 1.0, 0.0, False
    return replace(fold, train=Rows(columns, present))


FEW = with_train(FOLD, slice(0, 30))
ODD = {
    "three-patients": with_train(FOLD, slice(0, 3)),
    "no-event-and-no-labels": replace(
        FEW, event=np.zeros((30, 3), np.bool_), labels=(), diagnosis=np.full(30, -1, np.int64)
    ),
    "nothing-known": replace(FEW, days=np.full((30, 3), np.nan), diagnosis=np.full(30, -1, np.int64)),
    "events-beyond-the-last-edge": replace(FEW, days=np.full((30, 3), 5000.0)),
    "constant-columns-and-one-diagnosis": replace(constant_columns(FEW), diagnosis=np.ones(30, np.int64)),
    "a-block-without-columns": replace(
        FEW, blocks={"clinical": slice(0, 0), "blood": slice(0, 7), "imaging": slice(7, 12)}
    ),
    "no-endpoint": replace(FEW, endpoints=(), days=np.empty((30, 0)), event=np.empty((30, 0), np.bool_)),
}


@pytest.mark.parametrize("fold", [pytest.param(fold, id=name) for name, fold in ODD.items()])
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_fold_still_gets_a_lawful_forecast(name: str, fold: Fold) -> None:
    check_lawful(contender(name)(fold), fold)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        pytest.param("cox", 0.02, id="cox"),
        pytest.param("coxnet", 0.02, id="coxnet"),
        pytest.param("stacked-cox", 0.02, id="stacked-cox"),
        pytest.param("single:clinical", 0.02, id="the-informative-block"),
        pytest.param("late-fusion", 0.06, id="late-fusion"),
        pytest.param("rsf", 0.06, id="rsf"),
        pytest.param("concat-mlp", 0.06, id="concat-mlp"),
    ],
)
def test_a_linear_truth_is_found(name: str, least: float) -> None:
    fold, times = simulated(train=200, test=400, seed=5)
    truth = concordance_index(times, -(fold.test.columns @ EFFECT))
    assert concordance_index(times, -risk(contender(name)(fold))) > truth - least


def test_stacking_one_informative_block_comes_close_to_that_block() -> None:
    alone, stacked = (forecast(name).survival for name in ("single:clinical", "stacked-cox"))
    assert np.abs(alone - stacked).mean() < 0.05
    assert np.corrcoef(risk(forecast("single:clinical")), risk(forecast("stacked-cox")))[0, 1] > 0.97


def test_late_fusion_is_the_mean_of_what_a_patient_has() -> None:
    alone = {block: contender(f"single:{block}")(FOLD) for block in ("clinical", "blood")}
    mean = (alone["clinical"].survival + alone["blood"].survival) / 2
    lacks = ~FOLD.test.present[:, 2]
    assert forecast("late-fusion").survival[lacks] == pytest.approx(mean[lacks])
    assert not np.allclose(forecast("late-fusion").survival[~lacks], mean[~lacks])


@pytest.mark.parametrize("name", ["stacked-cox", "late-fusion"])
def test_what_stands_in_the_columns_of_an_absent_block_is_not_read(name: str) -> None:
    columns = FOLD.test.columns.copy()
    columns[~FOLD.test.present[:, 2], BLOCKS["imaging"]] = 7.0
    said = contender(name)(replace(FOLD, test=Rows(columns, FOLD.test.present)))
    assert said.survival == pytest.approx(forecast(name).survival)


def test_late_fusion_gives_who_has_no_block_what_training_shows_of_everyone() -> None:
    nothing = Rows(np.zeros((2, 12)), np.zeros((2, 3), np.bool_))
    said = contender("late-fusion")(replace(FOLD, test=nothing))
    assert said.survival[0, 0] == pytest.approx(kaplan_meier(known_of(FOLD, 0), EDGES))
    known = FOLD.diagnosis[FOLD.diagnosis >= 0]
    assert said.classes[1] == pytest.approx(np.bincount(known, minlength=3) / len(known))


@pytest.mark.parametrize("name", NAMES)
def test_a_diagnosis_in_the_columns_is_found(name: str) -> None:
    said = forecast(name).classes.argmax(1)
    truth = (FOLD.test.columns[:, 0] > 0).astype(int) + (FOLD.test.columns[:, 3] > 1)
    commonest = np.bincount(truth).max() / len(truth)
    assert (said == truth).mean() > commonest + 0.15


def test_a_label_that_training_never_saw_gets_nothing_from_a_linear_model() -> None:
    said = contender("cox")(replace(FOLD, labels=("a", "b", "c", "d"))).classes
    assert said[:, 3].tolist() == [0.0] * 40
