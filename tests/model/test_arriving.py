"""Modalities that arrive one after the other: who is shown what, and that advice asks for what promises most."""

import numpy as np
import pytest
import torch
from tiny_run import TINY, files_under

from model.cohorts.synthetic import write_synthetic
from model.evaluation.arriving import arrivals, at_random, by_advice, in_order, patterns_of
from model.evaluation.strangers import Strangers, read_strangers
from model.training import train

LEFT = np.array([[True, False, True], [False, True, True], [False, False, True]])
DROPS = np.array([[0.1, 0.9, 0.3], [0.0, 0.2, 0.1], [0.5, 0.5, 0.0]])


@pytest.mark.parametrize(
    ("chooses", "expected"),
    [pytest.param(by_advice, [2, 1, 2], id="advice"), pytest.param(in_order, [0, 1, 2], id="order")],
)
def test_the_next_is_chosen_among_what_is_left(chooses: object, expected: list[int]) -> None:
    assert chooses(LEFT, DROPS).tolist() == expected  # type: ignore[operator]


def test_a_random_choice_is_among_what_is_left_and_varies() -> None:
    chooses = at_random(np.random.default_rng(0))
    drawn = np.array([chooses(LEFT, DROPS) for _ in range(200)])
    assert {0, 2} == set(drawn[:, 0])
    assert {1, 2} == set(drawn[:, 1])
    assert {2} == set(drawn[:, 2])


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Strangers:
    folder = tmp_path_factory.mktemp("arriving")
    files = files_under(folder)
    write_synthetic(folder / "known", patients=40, seed=3, flawed=False)
    write_synthetic(folder / "strangers", patients=40, seed=4, flawed=False)
    train(folder / "known", folder / "network", files, TINY, lambda *_: None)
    return read_strangers(folder / "network", folder / "strangers", files)


@pytest.mark.slow
def test_each_step_adds_one_modality_of_those_the_patient_has(strangers: Strangers) -> None:
    has = strangers.examples.present
    rows = torch.nonzero(has.any(1) & (strangers.examples.labels.diagnosis >= 0)).squeeze(1)
    first = torch.from_numpy(in_order(has[rows].numpy(), np.zeros(0)))
    steps = arrivals(strangers, rows, first, by_advice, steps=3)
    counts = np.stack([step.present.sum(1) for step in steps])
    assert (counts[0] == 1).all()
    np.testing.assert_array_equal(counts[2], has[rows].sum(1).numpy())
    for step in steps:
        assert not (step.present & ~has[rows].numpy()).any()
        np.testing.assert_allclose(step.diagnosis.sum(1), 1, atol=1e-6)
    assert set(patterns_of(steps[2])) <= {"clinical", "imaging", "genomic"} | set(strangers.manifest.conformal)


@pytest.mark.slow
def test_what_has_not_come_yet_cannot_be_felt(strangers: Strangers) -> None:
    has = strangers.examples.present
    rows = torch.nonzero(has.all(1) & (strangers.examples.labels.diagnosis >= 0)).squeeze(1)
    first = torch.zeros(len(rows), dtype=torch.int64)
    clean = arrivals(strangers, rows, first, in_order, steps=1)[0]
    encoded = strangers.encoded.clone()
    encoded[:, 1:] = 1e6
    poisoned = Strangers(strangers.network, strangers.manifest, strangers.patients, strangers.examples, encoded)
    np.testing.assert_array_equal(arrivals(poisoned, rows, first, in_order, steps=1)[0].diagnosis, clean.diagnosis)
