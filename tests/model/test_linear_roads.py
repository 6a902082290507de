"""The linear roads: convex fits against closed conditions, opinions that never saw their patient, patterns."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from model.heads import Logits
from model.labels import Labels
from model.linear import LinearRoad, pattern_of
from model.linear_fit import Block, Ridge, effective, fit_block
from model.linear_roads import RoadSetting, Training, fit_roads, inner_folds
from model.survival import bin_targets, edges_until
from model.targets import Targets, hard_targets, loss_of, taught
from schemas.evidence import Modality
from schemas.manifest import Tasks
from schemas.table import Block as Declared
from schemas.table import Column, Table

pytestmark = pytest.mark.slow

EDGES = edges_until(1826)
TASKS = Tasks(diagnosis=("a", "b"), treatments=("x",), endpoints=("OS", "RFS"), edges_days=EDGES)
PATIENTS = 300


def cohort(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, Labels]:
    """Columns (N, 4) in two blocks of two, the first of each telling; the second block absent for a third."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(PATIENTS, 4))
    present = np.stack((np.ones(PATIENTS, bool), rng.random(PATIENTS) < 0.67), 1)
    columns[~present[:, 1], 2:] = 0
    risk = 0.8 * columns[:, 0] + 0.8 * columns[:, 2]
    days = np.stack([rng.exponential(900 * np.exp(-risk)) for _ in range(2)], 1)
    censored = rng.uniform(200, 3000, PATIENTS)[:, None]
    hazard, at_risk = bin_targets(np.minimum(days, censored), days <= censored, np.array(EDGES))
    diagnosis = (rng.random(PATIENTS) < 1 / (1 + np.exp(-2 * columns[:, 1]))).astype(np.int64)
    response = (rng.random(PATIENTS) < 1 / (1 + np.exp(-columns[:, 3]))).astype(np.float32)
    labels = (diagnosis, np.zeros(PATIENTS, np.int64), response, hazard, at_risk)
    return torch.from_numpy(columns), torch.from_numpy(present), Labels(*(torch.from_numpy(part) for part in labels))


def table() -> Table:
    blocks = tuple(Declared(name=name, modality=Modality.CLINICAL) for name in ("one", "two"))
    return Table(blocks=blocks, columns=tuple((n // 2, Column(form="value", codes=(f"l|{n}",))) for n in range(4)))


def training(columns: torch.Tensor, present: torch.Tensor, labels: Labels) -> Training:
    targets = hard_targets(labels, 2, 1).to(torch.float64)
    base = torch.full((2, len(EDGES)), -2.0, dtype=torch.float64)
    folds = inner_folds([str(one) for one in labels.diagnosis.tolist()], seed=0)
    return Training(table(), columns, present, targets, base, folds)


def test_inner_folds_share_every_kind_and_say_nothing_of_those_too_few_for_all() -> None:
    strata = np.array(["a"] * 20 + ["b"] * 11 + ["c"] * 2 + ["d"])
    with warnings.catch_warnings(record=True) as warned:
        folds = inner_folds(strata.tolist(), seed=0).numpy()
    assert warned == []
    shares = [np.bincount(folds[np.isin(strata, kinds)], minlength=5) for kinds in (["a"], ["b"], ["c", "d"])]
    assert [(share.min(), share.max()) for share in shares] == [(4, 4), (2, 3), (0, 1)]


@pytest.fixture(scope="module")
def roads() -> tuple[LinearRoad, LinearRoad, Training, tuple[Logits, Logits]]:
    plain, learner = LinearRoad(table(), TASKS), LinearRoad(table(), TASKS)
    taught_on = training(*cohort())
    opinions = fit_roads(plain, learner, taught_on, RoadSetting(ridge=Ridge(100, 100, 10)))
    return plain, learner, taught_on, (opinions[0].logits, opinions[1].logits)


def test_a_blocks_diagnosis_is_the_ridge_logistic_regression() -> None:
    columns, _, labels = cohort()
    targets = hard_targets(labels, 2, 1).to(torch.float64)
    base = torch.full((2, len(EDGES)), -2.0, dtype=torch.float64)
    block = Block(columns, targets, torch.zeros(len(EDGES), dtype=torch.float64), base)
    found = fit_block(block, Ridge(100, 100, labels=10))
    oracle = LogisticRegression(C=2 / 10, tol=1e-10, max_iter=1000).fit(columns.numpy(), labels.diagnosis.numpy())
    ours = (found["label"][:, 1] - found["label"][:, 0]).numpy()  # two opposite weights share one ridge
    np.testing.assert_allclose(ours, oracle.coef_[0], atol=2e-3)


def test_a_block_is_solved_to_the_end() -> None:
    one = training(*cohort())
    rows = torch.arange(PATIENTS)
    late = torch.linspace(-1, 1, len(EDGES), dtype=torch.float64)
    from_zero = fit_block(one.of_block(0, rows, one.targets, late), Ridge(100, 100, 10))
    again = fit_block(one.of_block(0, rows, one.targets, late), Ridge(100, 100, 10), from_zero)
    torch.testing.assert_close(effective(again), effective(from_zero), atol=1e-3, rtol=0)


def test_risk_is_found_in_the_columns_that_tell(roads: tuple[LinearRoad, LinearRoad, Training, object]) -> None:
    plain, learner, _, _ = roads
    for road in (plain, learner):
        risk = road.weight[:, 2:4]  # after two labels: the risks of both endpoints
        assert (risk[0] > 3 * risk[1].abs()).all()
        assert (risk[2] > 3 * risk[3].abs()).all()


def test_an_opinion_never_saw_its_patient() -> None:
    columns, present, labels = cohort()
    first = training(columns, present, labels)
    changed = Labels(*(part.clone() for part in vars(labels).values()))
    changed.hazard[0], changed.at_risk[0] = 1 - labels.hazard[0], 1.0
    other = training(columns, present, changed)
    scores = []
    for one in (first, other):
        road = LinearRoad(table(), TASKS)
        opinion, _ = fit_roads(road, LinearRoad(table(), TASKS), one, RoadSetting(ridge=Ridge(100, 100, 10)))
        scores.append(opinion.scores[0, 0] * opinion.scores[1:, 0].std(0))  # the common scale has seen everyone
    assert torch.corrcoef(torch.stack(scores))[0, 1] > 0.999
    torch.testing.assert_close(scores[0] / scores[0].norm(), scores[1] / scores[1].norm(), atol=0.05, rtol=0)


def test_every_pattern_has_a_fitted_baseline_and_absent_blocks_say_nothing(
    roads: tuple[LinearRoad, LinearRoad, Training, object],
) -> None:
    plain, _, one, _ = roads
    scores = plain.score(one.columns.float())
    for kept in ((True, True), (True, False), (False, True)):
        present = torch.tensor([kept] * PATIENTS)
        poisoned = torch.where(present.unsqueeze(-1), scores, 1e9)
        said, wanted = plain(poisoned, present), plain(scores * present.unsqueeze(-1), present)
        for found, clean in zip(said, wanted, strict=True):
            torch.testing.assert_close(found, clean)
        assert plain.baseline[pattern_of(present)[0]].abs().max() > 0.5


def test_more_evidence_predicts_better(roads: tuple[LinearRoad, LinearRoad, Training, object]) -> None:
    plain, _, _, _ = roads
    columns, _, labels = cohort(seed=1)
    targets, scores = hard_targets(labels, 2, 1), plain.score(columns.float())
    losses = [
        float(loss_of(plain(scores, torch.tensor([kept] * PATIENTS)), targets).mean())
        for kept in ((True, True), (True, False), (False, False))
    ]
    assert losses == sorted(losses)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_a_taught_target_lies_between_fate_and_teacher(alpha: float) -> None:
    _, _, labels = cohort()
    hard = hard_targets(labels, 2, 1)
    teacher = Logits(torch.zeros(PATIENTS, 2), torch.full((PATIENTS, 2, len(EDGES)), -1.0), torch.zeros(PATIENTS, 1))
    mixed = taught(hard, teacher, alpha)
    torch.testing.assert_close(mixed.classes, (1 - alpha) * hard.classes + alpha * 0.5)
    assert (mixed.events <= mixed.exposed + 1e-6).all()
    if alpha == 0:
        torch.testing.assert_close(mixed.exposed, hard.exposed)


def test_the_loss_of_soft_targets_is_the_expected_loss_of_hard_ones() -> None:
    logits = Logits(torch.randn(1, 2), torch.randn(1, 1, 3), torch.randn(1, 1))
    exposed = torch.tensor([[[1.0, 1.0, 0.5]]])

    def one(events: list[float]) -> Targets:
        return Targets(torch.zeros(1, 2), torch.tensor([[events]]), exposed, torch.zeros(1, 1), torch.zeros(1, 1))

    soft = loss_of(logits, one([0.3, 0.0, 0.1]))
    mean = 0.3 * loss_of(logits, one([1, 0, 0.1])) + 0.7 * loss_of(logits, one([0, 0, 0.1]))
    torch.testing.assert_close(soft, mean)


def test_no_road_is_surer_of_the_patients_it_was_fitted_on_than_of_strangers() -> None:
    random = torch.Generator().manual_seed(0)
    columns = torch.randn(1150, 40, generator=random, dtype=torch.float64)
    chance = torch.sigmoid(2 * columns[:, 0] - 2 * columns[:, 1])
    diagnosis = (torch.rand(1150, generator=random) < chance).long()
    none, own = torch.zeros(1150, 0, 1), slice(0, 150)
    labels = Labels(diagnosis, torch.full((1150,), -1), torch.zeros(1150), none, none)
    one = Table(
        blocks=(Declared(name="one", modality=Modality.CLINICAL),),
        columns=tuple((0, Column(form="value", codes=(f"l|{n}",))) for n in range(40)),
    )
    tasks = Tasks(diagnosis=("a", "b"), treatments=(), endpoints=(), edges_days=(365.0,))
    targets = hard_targets(labels.rows(torch.arange(150)), 2, 0).to(torch.float64)
    folds, there = inner_folds([str(one) for one in diagnosis[own].tolist()], 0), torch.ones(1150, 1, dtype=torch.bool)
    base = torch.zeros(0, 1, dtype=torch.float64)
    roads = LinearRoad(one, tasks), LinearRoad(one, tasks)
    opinions = fit_roads(*roads, Training(one, columns[own], there[own], targets, base, folds), RoadSetting())
    for road, opinion in zip(roads, opinions, strict=True):
        of_own, of_strangers = opinion.logits.diagnosis, road(road.score(columns.float()), there).diagnosis[150:]
        lost = functional.cross_entropy(of_own, diagnosis[own]), functional.cross_entropy(of_strangers, diagnosis[150:])
        assert lost[0] > lost[1] - 0.05
