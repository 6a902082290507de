"""The imputer: precision-weighted, honest about what it does not know, blind to what is not there."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from model.imputer import Imputer, imputation_loss

WIDTH = 6


@pytest.fixture
def imputer() -> Imputer:
    """One whose every part has something to say: a made-up Gaussian, loud projectors, uneven stretches."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    made = Imputer(WIDTH, modalities=3).eval().requires_grad_(False)
    root = torch.randn(18, 18, generator=generator, dtype=torch.float64)
    centre, scale = torch.randn(3, WIDTH, generator=generator), torch.rand(3, WIDTH, generator=generator) + 0.5
    made.anchor.learn(centre, scale, root @ root.T / 18 + 0.3 * torch.eye(18))
    made.projectors.start(generator)
    for part in (made.projectors.outer, made.projectors.spread, made.trust):
        part.normal_(std=0.5, generator=generator)
    made.stretch.uniform_(0.5, 2.0, generator=generator)
    return made


def bag(*rows: list[bool]) -> tuple[Tensor, Tensor]:
    return torch.randn(len(rows), 3, WIDTH, generator=torch.Generator().manual_seed(1)), torch.tensor(rows)


def test_projectors_and_anchor_combine_as_a_product_of_gaussians(imputer: Imputer) -> None:
    embeddings, present = bag([True, True, False])
    mean, variance = imputer(embeddings, present)
    anchor = imputer.anchor
    standard = (embeddings - anchor.centre) / anchor.scale
    correction, factor = imputer.projectors(standard[:, [[1, 2], [0, 2], [0, 1]]].transpose(0, 1))
    shown = torch.cat((standard[0, 0], standard[0, 1]))
    both = shown @ anchor.weight[2, :, 2], anchor.variance[2, 3] / imputer.trust[2].exp()
    first = shown @ anchor.weight[2, :, 0] + correction[2, 0, 0], anchor.variance[2, 1] * factor[2, 0]
    second = shown @ anchor.weight[2, :, 1] + correction[2, 0, 1], anchor.variance[2, 2] * factor[2, 1]
    experts = both, first, second
    total = sum(1 / spread for _, spread in experts)
    wanted = sum(guess / spread for guess, spread in experts) / total
    torch.testing.assert_close(mean[0, 2], anchor.centre[2] + anchor.scale[2] * wanted)
    torch.testing.assert_close(variance[0, 2], anchor.scale[2] ** 2 * imputer.stretch[3, 2] / total)


@pytest.mark.parametrize("shown", list(product((True, False), repeat=3))[1:], ids=str)
def test_the_anchor_is_the_textbook_conditional_gaussian(shown: tuple[bool, ...]) -> None:
    generator = np.random.default_rng(0)
    root = generator.standard_normal((18, 30))
    covariance, centre, scale = root @ root.T / 30, generator.standard_normal(18), generator.uniform(0.5, 2, 18)
    imputer = Imputer(WIDTH, modalities=3)
    imputer.anchor.learn(torch.tensor(centre).view(3, 6), torch.tensor(scale).view(3, 6), torch.tensor(covariance))
    embeddings, present = bag(list(shown))
    mean, variance, *_ = imputer.anchor(imputer.anchor.standardise(embeddings, present), present)
    seen = np.flatnonzero(np.repeat(shown, 6))
    standard = (embeddings.numpy().reshape(-1)[seen] - centre[seen]) / scale[seen]
    for target in np.flatnonzero(~np.array(shown)):
        hidden = np.arange(6 * target, 6 * target + 6)
        gain = covariance[np.ix_(hidden, seen)] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
        rest = np.diag(covariance[np.ix_(hidden, hidden)] - gain @ covariance[np.ix_(seen, hidden)])
        np.testing.assert_allclose(mean[target, 0], gain @ standard, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(variance[target, 0], rest, rtol=1e-4)


def test_more_evidence_never_widens_a_guess_before_it_is_stretched(imputer: Imputer) -> None:
    imputer.stretch.fill_(1.0)
    embeddings, _ = bag([True, True, False])
    _, alone = imputer(embeddings, torch.tensor([[True, False, False]]))
    _, both = imputer(embeddings, torch.tensor([[True, True, False]]))
    assert (both[:, 2] < alone[:, 2]).all()


def test_without_any_source_the_prior_speaks_never_zeros(imputer: Imputer) -> None:
    embeddings, present = bag([False, False, False])
    mean, variance = imputer(embeddings, present)
    spread = imputer.anchor.scale**2 * imputer.anchor.variance[:, 0] / imputer.trust.exp() * imputer.stretch[0, :, None]
    torch.testing.assert_close(mean[0], imputer.anchor.centre)
    torch.testing.assert_close(variance[0], spread)
    assert (mean.abs() > 0).all()


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e9])
@pytest.mark.parametrize("pattern", range(8))
def test_what_is_absent_cannot_be_felt(imputer: Imputer, garbage: float, pattern: int) -> None:
    embeddings, present = bag([bool(pattern >> place & 1) for place in range(3)])
    spoilt = embeddings.masked_fill(~present.unsqueeze(-1), garbage)
    for clean, dirty in zip(imputer(embeddings, present), imputer(spoilt, present), strict=True):
        assert torch.equal(clean, dirty)


@pytest.mark.parametrize("target", range(3))
def test_the_target_itself_cannot_be_felt_but_each_source_can(imputer: Imputer, target: int) -> None:
    embeddings, present = bag([True, True, True])
    for changed in range(3):
        other = embeddings.clone()
        other[:, changed] = 1e3
        same = torch.equal(imputer(other, present)[0][:, target], imputer(embeddings, present)[0][:, target])
        assert same == (changed == target)
    without = present.clone()
    without[:, target] = False
    for shown, hidden in zip(imputer(embeddings, present), imputer(embeddings, without), strict=True):
        assert torch.equal(shown[:, target], hidden[:, target])


def test_a_row_does_not_depend_on_the_others_of_its_batch(imputer: Imputer) -> None:
    embeddings, present = bag([True, False, True], [False, True, False], [True, True, True])
    others, absent = embeddings.clone(), present.clone()
    others[1:], absent[1:] = 5.0, ~present[1:]
    for first, second in zip(imputer(embeddings, present), imputer(others, absent), strict=True):
        assert torch.equal(first[0], second[0])


def test_the_loss_is_the_gaussian_likelihood_of_known_slots() -> None:
    mean, variance, target = (torch.rand(2, 3, 6) + 0.5 for _ in range(3))
    known = torch.tensor([[True, False, False], [True, True, False]])
    wanted = functional.gaussian_nll_loss(mean[known], target[known], variance[known])
    unknown = target.masked_fill(~known.unsqueeze(-1), float("nan"))
    torch.testing.assert_close(imputation_loss(mean, variance, unknown, known), wanted)
