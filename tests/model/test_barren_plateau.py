"""As served, the circuit keeps more gradient than a plateau of its width has; a cost of all wires keeps little."""

import pytest
import torch

from model.evaluation.gradient_variance import Start, gradient_variance, haar_variance

pytestmark = pytest.mark.slow


def seeded(seed: int = 8) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_at_eight_wires_and_our_start_the_gradient_is_above_the_plateau() -> None:
    found, plateau = gradient_variance(8, 3, 200, seeded()), haar_variance(8)
    assert found.local > plateau.local  # 1.95e-3; 2.8e-3 over 400 draws, docs/evidence/barren-plateau.md
    assert found.overall < found.local / 50


@pytest.mark.parametrize("wires", [3, 5])
def test_with_uniform_weights_the_ring_of_cnots_is_a_plateau(wires: int) -> None:
    found, plateau = gradient_variance(wires, 3, 200, seeded(), Start(spread=None)), haar_variance(wires)
    assert found.local == pytest.approx(plateau.local, rel=0.4)
    assert found.overall == pytest.approx(plateau.overall, rel=0.4)


@pytest.mark.parametrize("wires", [2, 4])
def test_the_plateau_is_that_of_random_states(wires: int) -> None:
    size, draws = 2**wires, 20_000
    amplitudes = torch.randn(2, draws, size, 2, generator=seeded(), dtype=torch.float64).square().sum(-1)
    outcome = amplitudes / amplitudes.sum(-1, keepdim=True)  # of two independent random states
    first_wire = outcome[..., : size // 2].sum(-1) - outcome[..., size // 2 :].sum(-1)
    half_difference = (first_wire[0] - first_wire[1]).var() / 4, (outcome[0, :, 0] - outcome[1, :, 0]).var() / 4
    assert [float(each) for each in half_difference] == pytest.approx(list(haar_variance(wires)), rel=0.1)
