"""The baselines say what textbooks and scikit-learn say."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.covariance import LedoitWolf
from sklearn.impute import KNNImputer
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from model.imputer_baselines import BASELINES, GaussianImputer, MaskOnly, MeanImputer, NearestImputer
from model.imputer_calibration import coverage

WIDTH = 4


@pytest.fixture
def table() -> tuple[Tensor, Tensor]:
    """60 rows of 3 modalities that share two factors; a third of the slots is empty."""
    generator = torch.Generator().manual_seed(0)
    factors, loadings = torch.randn(60, 2, generator=generator), torch.randn(2, 3 * WIDTH, generator=generator)
    rows = factors @ loadings + 0.5 * torch.randn(60, 3 * WIDTH, generator=generator) + 3
    return rows.view(60, 3, WIDTH), torch.rand(60, 3, generator=generator) < 0.67


def test_the_mean_is_that_of_rows_that_have_it(table: tuple[Tensor, Tensor]) -> None:
    rows, present = table
    mean, variance = MeanImputer(rows, present)(rows, present)
    for place in range(3):
        seen = rows[present[:, place], place]
        torch.testing.assert_close(mean[5, place], seen.mean(0))
        torch.testing.assert_close(variance[5, place], seen.var(0, correction=0))


def test_the_gaussian_is_the_textbook_conditional_of_ledoit_and_wolf(table: tuple[Tensor, Tensor]) -> None:
    rows, present = table
    scaler = StandardScaler()
    complete = scaler.fit_transform(rows[present.all(1)].flatten(1).double().numpy())
    covariance = LedoitWolf().fit(complete).covariance_
    asked = torch.tensor([[True, False, True]])
    mean, variance = GaussianImputer(rows, present)(rows[:1], asked)
    seen, hidden = np.r_[0:WIDTH, 2 * WIDTH : 3 * WIDTH], np.r_[WIDTH : 2 * WIDTH]
    gain = covariance[np.ix_(hidden, seen)] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
    standard = scaler.transform(rows[:1].flatten(1).double().numpy())[0]
    rest = np.diag(covariance[np.ix_(hidden, hidden)] - gain @ covariance[np.ix_(seen, hidden)])
    wanted = scaler.mean_[hidden] + scaler.scale_[hidden] * (gain @ standard[seen])
    np.testing.assert_allclose(mean[0, 1], wanted, rtol=1e-4)
    np.testing.assert_allclose(variance[0, 1], scaler.var_[hidden] * rest, rtol=1e-4)


def test_with_four_complete_rows_the_gaussian_is_the_mean(table: tuple[Tensor, Tensor]) -> None:
    rows, present = table
    present = present.clone()
    present[torch.nonzero(present.all(1)).squeeze(1)[4:], 0] = False
    gaussian, mean = GaussianImputer(rows, present), MeanImputer(rows, present)
    for ours, theirs in zip(gaussian(rows, present), mean(rows, present), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_nearest_are_those_of_scikit_learn(table: tuple[Tensor, Tensor]) -> None:
    rows, present = table
    centred = MeanImputer(rows, present)
    standard = (rows - centred.mean) / centred.variance.sqrt()
    train = standard.masked_fill(~present.unsqueeze(-1), torch.nan).flatten(1).numpy()
    theirs = KNNImputer(n_neighbors=10).fit(train)
    asked = torch.tensor([[True, True, False]]).expand(60, 3)
    query = standard.masked_fill(~asked.unsqueeze(-1), torch.nan).flatten(1).numpy()
    wanted = torch.from_numpy(theirs.transform(query)).view(60, 3, WIDTH)[:, 2]
    mean, variance = NearestImputer(rows, present)(rows, asked)
    torch.testing.assert_close(mean[:, 2], (centred.mean[2] + centred.variance[2].sqrt() * wanted).float())
    assert ((variance[:, 2] > 0) & (variance[:, 2] < 4 * centred.variance[2])).all()


def test_the_mask_alone_says_zero_and_one(table: tuple[Tensor, Tensor]) -> None:
    mean, variance = MaskOnly(*table)(*table)
    assert (mean == 0).all()
    assert (variance == 1).all()


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("garbage", [float("nan"), 1e9])
def test_no_baseline_feels_the_target_or_what_is_absent(
    name: str, garbage: float, table: tuple[Tensor, Tensor]
) -> None:
    rows, present = table
    spoilt = rows.masked_fill(~present.unsqueeze(-1), garbage)
    clean, dirty = BASELINES[name](rows, present), BASELINES[name](spoilt, present)
    for first, second in zip(clean(rows, present), dirty(spoilt, present), strict=True):
        assert torch.equal(first, second)
    other = rows.clone()
    other[:, 1] += 100
    for first, second in zip(clean(rows, present), clean(other, present), strict=True):
        assert torch.equal(first[:, 1], second[:, 1])


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("claimed", [0.5, 1.0, 2.0])
def test_coverage_is_that_of_the_normal_distribution(level: float, claimed: float) -> None:
    truth = torch.randn(500, 2, 40, generator=torch.Generator().manual_seed(0))
    known = torch.tensor([[True, False]]).expand(500, 2)
    truth[:, 1] = float("nan")
    (found,) = coverage(torch.zeros_like(truth), torch.full_like(truth, claimed**2), truth, known, (level,))
    wanted = 2 * norm.cdf(claimed * norm.ppf((1 + level) / 2)) - 1
    assert found == pytest.approx(wanted, abs=0.01)
