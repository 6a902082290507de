"""The imputer: precision-weighted, honest about what it does not know, blind to what is not there."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from model.imputer import Imputer, imputation_loss


@pytest.fixture
def imputer() -> Imputer:
    torch.manual_seed(0)
    return Imputer(width=6, modalities=3).eval()


def bag(*rows: list[bool]) -> tuple[Tensor, Tensor]:
    return torch.randn(len(rows), 3, 6, generator=torch.Generator().manual_seed(1)), torch.tensor(rows)


def test_two_sources_combine_as_a_product_of_gaussians(imputer: Imputer) -> None:
    embeddings, present = bag([True, True, False])
    mean, variance = imputer(embeddings, present)
    experts = [imputer.projectors[f"{source}_2"](embeddings[:, source]) for source in (0, 1)]
    precisions = [torch.ones(1, 6), *(torch.exp(-log_variance) for _, log_variance in experts)]
    means = [torch.zeros(1, 6), *(guess for guess, _ in experts)]
    total = sum(precisions)
    wanted = sum(p * m for p, m in zip(precisions, means, strict=True)) / total
    torch.testing.assert_close(variance[:, 2], 1 / total)
    torch.testing.assert_close(mean[:, 2], wanted)


def test_more_evidence_never_widens_a_guess(imputer: Imputer) -> None:
    embeddings, _ = bag([True, True, False])
    _, alone = imputer(embeddings, torch.tensor([[True, False, False]]))
    _, both = imputer(embeddings, torch.tensor([[True, True, False]]))
    assert (both[:, 2] < alone[:, 2]).all()


def test_without_any_source_the_prior_speaks(imputer: Imputer) -> None:
    embeddings, present = bag([False, False, False])
    mean, variance = imputer(embeddings, present)
    assert torch.equal(mean, torch.zeros(1, 3, 6))
    assert torch.equal(variance, torch.ones(1, 3, 6))


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e30])
def test_what_is_absent_and_the_target_itself_cannot_be_felt(imputer: Imputer, garbage: float) -> None:
    embeddings, present = bag([True, False, False])
    spoilt = embeddings.clone()
    spoilt[:, 1] = garbage
    for clean, dirty in zip(imputer(embeddings, present), imputer(spoilt, present), strict=True):
        assert torch.equal(clean, dirty)
    spoilt = embeddings.clone()
    spoilt[:, 0] = 7.0
    assert torch.equal(imputer(spoilt, present)[0][:, 0], imputer(embeddings, present)[0][:, 0])


def test_the_loss_is_the_gaussian_likelihood_of_known_slots() -> None:
    mean, variance, target = (torch.rand(2, 3, 6) + 0.5 for _ in range(3))
    known = torch.tensor([[True, False, False], [True, True, False]])
    wanted = functional.gaussian_nll_loss(mean[known], target[known], variance[known])
    torch.testing.assert_close(imputation_loss(mean, variance, target, known), wanted)
