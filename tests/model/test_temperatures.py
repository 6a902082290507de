"""How sure answers may be is learnt from who became what, and from few patients carefully."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from model.calibration import Shown, chance_of_truth, temperature_of
from model.heads import Logits
from model.voices import Voices


def shown(patients: int, sharpened: float, seed: int = 0) -> Shown:
    """Patients whose labels come as often as softmax(logits) says, and voices that say logits times `sharpened`."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(patients, 3))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([random.choice(3, p=chance) for chance in chances])
    said = torch.from_numpy(logits * sharpened)
    nothing = torch.zeros(patients, 0)
    road = Logits(said, torch.zeros(patients, 0, 0), nothing)
    fusion = Logits(*(part[:, None, None].expand(-1, 2, 3, *part.shape[1:]) for part in road))  # 2 draws of 3 heads
    return Shown("clinical", Voices(fusion, road, road), truth)


def test_the_chance_of_what_came_true_is_the_mean_over_draws_and_heads() -> None:
    """Of these the conformal sets are made: summed in the mean's place, every set held one label."""
    part = shown(20, 1.0)
    said = softmax(part.voices.plain.diagnosis.numpy() / 2.0, axis=1)
    np.testing.assert_allclose(chance_of_truth(part, 2.0), said[np.arange(20), part.truth], atol=1e-9)


@pytest.mark.parametrize("sharpened", [0.5, 1.0, 3.0])
def test_many_patients_say_themselves_how_sure_answers_may_be(sharpened: float) -> None:
    assert temperature_of([shown(4000, sharpened)], 1.0) == pytest.approx(sharpened, rel=0.08)


def test_what_a_few_patients_say_is_luck_for_a_good_part_and_moves_the_temperature_less() -> None:
    found = [np.log(temperature_of([shown(40, 1.0, seed)], 1.0)) for seed in range(30)]
    assert np.std(found) < 0.2
    assert np.log(temperature_of([shown(40, 3.0)], 1.0)) < 0.8 * np.log(3)


def test_few_of_a_pattern_stay_near_the_temperature_of_all() -> None:
    assert temperature_of([shown(5, 1.0)], 2.0) == pytest.approx(2.0, rel=0.1)


def test_one_who_is_shown_under_many_patterns_counts_once() -> None:
    one = shown(40, 3.0)
    assert temperature_of([one] * 7, 1.0, share=1 / 7) == temperature_of([one], 1.0)
    assert temperature_of([one] * 7, 1.0) > temperature_of([one], 1.0)
