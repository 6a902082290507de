"""Shot doubt is the entropy that shots are seen to add, falls as 1/shots, and is felt by a row's own circuits."""

import pytest
import torch
from torch import Tensor

from model.circuit_compiled import shot_variance
from model.doubt import entropy
from model.fusion import Core
from model.shot_doubt import shot_doubt

ROWS, DRAWS, HEADS, LABELS, OUTPUTS = 3, 4, 2, 3, 6
GENERATOR = torch.Generator().manual_seed(2)
WEIGHTS = torch.randn(OUTPUTS, HEADS * LABELS, generator=GENERATOR, dtype=torch.float64)
EXACT = 1.8 * torch.rand(ROWS * DRAWS, OUTPUTS, generator=GENERATOR, dtype=torch.float64) - 0.9


def outcome_of(core: Core) -> Tensor:
    """Softmax heads straight behind the circuit."""
    logits = core(torch.zeros(0)) @ WEIGHTS
    return logits.view(ROWS, DRAWS, HEADS, LABELS).softmax(-1)


@pytest.mark.slow
def test_it_is_the_entropy_that_noise_adds_on_average() -> None:
    variance = shot_variance(EXACT, 400)
    noise = variance.sqrt() * torch.randn(2000, *EXACT.shape, generator=GENERATOR, dtype=torch.float64)
    answers = torch.stack([outcome_of(lambda _, each=each: EXACT + each).mean((1, 2)) for each in noise])
    seen = entropy(answers.mean(0)) - entropy(answers).mean(0)
    torch.testing.assert_close(shot_doubt(outcome_of, EXACT, variance), seen, rtol=0.2, atol=0)


def test_it_is_that_of_autograd() -> None:
    variance = shot_variance(EXACT, 10**7)
    measured = EXACT.clone().requires_grad_()
    answer = outcome_of(lambda _: measured).mean((1, 2))  # (B, C)
    expected = torch.zeros(ROWS, dtype=torch.float64)
    for label in range(LABELS):
        (slope,) = torch.autograd.grad(answer[:, label].sum(), measured, retain_graph=True)
        spread = (slope.square() * variance).view(ROWS, -1).sum(-1)
        expected += spread / (2 * answer[:, label].detach())
    torch.testing.assert_close(shot_doubt(outcome_of, EXACT, variance), expected, rtol=2e-3, atol=0)


@pytest.mark.parametrize("more", [4, 100])
def test_it_falls_as_one_over_shots(more: int) -> None:
    few, many = (shot_doubt(outcome_of, EXACT, shot_variance(EXACT, shots)) for shots in (5000, 5000 * more))
    torch.testing.assert_close(few / many, torch.full((ROWS,), float(more), dtype=torch.float64), rtol=0.05, atol=0)


def test_without_variance_there_is_none_and_a_row_feels_its_own_alone() -> None:
    variance = shot_variance(EXACT, 100)
    variance[DRAWS : 2 * DRAWS] = 0  # the second request fell back to exact simulation
    found = shot_doubt(outcome_of, EXACT, variance)
    assert found[1] == 0
    assert (found[[0, 2]] > 0).all()
    assert not shot_doubt(outcome_of, EXACT, torch.zeros_like(EXACT)).any()


def test_a_certain_expectation_at_the_edge_adds_nothing() -> None:
    edge = torch.ones_like(EXACT)
    assert not shot_doubt(outcome_of, edge, shot_variance(edge, 10)).any()
