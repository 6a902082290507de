"""Doubt: parts add up, each is felt by its own source, none is negative."""

import pytest
import torch
from scipy.stats import entropy as nats
from torch import Tensor

from model.doubt import entropy, expected_drop, of_simulation, split, with_backend

LOG2 = 0.6931471805599453


def constant(*probabilities: float) -> Tensor:
    return torch.tensor(probabilities, dtype=torch.float64).expand(1, 2, 2, -1).clone()


SURE = constant(1.0, 0.0)
SPLIT_DRAWS = torch.stack((constant(1.0, 0.0)[:, 0], constant(0.0, 1.0)[:, 0]), 1)
SPLIT_HEADS = SPLIT_DRAWS.transpose(1, 2)


@pytest.mark.parametrize(
    ("probabilities", "data", "imputation", "model"),
    [
        pytest.param(SURE, 0, 0, 0, id="all-agree-and-are-sure"),
        pytest.param(constant(0.5, 0.5), LOG2, 0, 0, id="all-agree-that-it-is-open"),
        pytest.param(SPLIT_DRAWS, 0, LOG2, 0, id="draws-disagree"),
        pytest.param(SPLIT_HEADS, 0, 0, LOG2, id="heads-disagree"),
    ],
)
def test_each_source_is_told_apart(probabilities: Tensor, data: float, imputation: float, model: float) -> None:
    found = [float(part) for part in split(probabilities)]
    assert found == pytest.approx([data + imputation + model, data, imputation, model])


def test_parts_add_up_and_are_not_negative() -> None:
    probabilities = torch.rand(50, 8, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = split(probabilities / probabilities.sum(-1, keepdim=True))
    torch.testing.assert_close(found.total, found.data + found.imputation + found.model)
    assert all((part >= 0).all() for part in found)


def test_knowing_what_the_draws_disagree_on_is_worth_their_entropy() -> None:
    assert float(expected_drop(SPLIT_DRAWS)) == pytest.approx(LOG2)
    assert float(expected_drop(SPLIT_HEADS)) == 0
    assert float(entropy(torch.tensor([0.25] * 4))) == pytest.approx(2 * LOG2)


def test_what_is_open_whatever_the_modality_turns_out_to_be_is_no_drop() -> None:
    draws = torch.stack((constant(0.9, 0.1)[:, 0], constant(0.1, 0.9)[:, 0]), 1)
    assert float(expected_drop(draws)) == pytest.approx(LOG2 - nats((0.9, 0.1)))
    assert float(expected_drop(constant(0.9, 0.1))) == 0


@pytest.mark.parametrize("answer", [(0.99, 0.01), (0.6, 0.4)], ids=["surer-than-it-is", "less-sure-than-it-is"])
def test_what_a_backend_adds_is_how_far_its_entropy_is_off_and_what_shots_are_expected_to_cost(
    answer: tuple[float, float],
) -> None:
    exact = torch.cat((SPLIT_DRAWS, constant(0.9, 0.1)))
    measured, shots = torch.cat((SPLIT_DRAWS, constant(*answer))), torch.tensor([0.01, 0.02], dtype=torch.float64)
    hardware = abs(nats(answer) - nats((0.9, 0.1)))
    of_data = nats((0.9, 0.1))
    found = with_backend(split(exact), exact, measured, shots)
    assert found.tolist() == [
        pytest.approx([LOG2 + 0.01, 0, LOG2, 0, 0.01, 0]),
        pytest.approx([of_data + 0.02 + hardware, of_data, 0, 0, 0.02, hardware]),
    ]
    without = with_backend(split(exact), exact, measured)
    assert without[1].tolist() == pytest.approx([of_data + hardware, of_data, 0, 0, 0, hardware])
    assert of_simulation(split(exact)).tolist() == with_backend(split(exact), exact, exact).tolist()
