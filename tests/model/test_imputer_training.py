"""The imputer fitted: near the optimum where that is known, better than the conditional Gaussian where it can be."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.imputer import Imputer, imputation_loss
from model.imputer_baselines import GaussianImputer, Guess, MeanImputer
from model.imputer_calibration import LEVELS, calibrate_imputer, coverage, trials
from model.imputer_training import fit_imputer

pytestmark = pytest.mark.slow
WIDTH, FACTORS, NOISE = 16, 4, 0.5


def loadings() -> NDArray[np.float64]:
    return np.random.default_rng(0).standard_normal((3, FACTORS, WIDTH)) / 2


def true_covariance() -> Tensor:
    """(3 D, 3 D) of `linear_rows`."""
    flat = loadings().transpose(1, 0, 2).reshape(FACTORS, 3 * WIDTH)
    return torch.tensor(flat.T @ flat + NOISE**2 * np.eye(3 * WIDTH))


def linear_rows(rows: int, seed: int) -> Tensor:
    """(N, 3, D): each modality a linear view of the same factors, and noise."""
    generator = np.random.default_rng(seed + 1)
    factors = generator.standard_normal((rows, FACTORS))
    views = np.stack([factors @ loading for loading in loadings()], 1)
    return torch.tensor(views + NOISE * generator.standard_normal(views.shape), dtype=torch.float32)


def bent_rows(rows: int, seed: int) -> Tensor:
    """(N, 3, D): the second modality feels the factors' squares, the third their size, the first themselves."""
    generator = np.random.default_rng(seed + 1)
    factors = generator.standard_normal((rows, FACTORS))
    felt = factors, (factors**2 - 1) / np.sqrt(2), (np.abs(factors) - 0.8) / 0.6
    views = np.stack([some @ loading for some, loading in zip(felt, loadings(), strict=True)], 1)
    return torch.tensor(views + NOISE * generator.standard_normal(views.shape), dtype=torch.float32)


def fitted(rows: Tensor, present: Tensor) -> Imputer:
    held = torch.arange(len(rows)) % 4 == 0
    return fit_imputer(rows, present, held, torch.Generator().manual_seed(0))


def measured(guess: Guess, rows: Tensor) -> tuple[float, float, tuple[float, ...]]:
    """RMSE, NLL, coverage over every subset and target."""
    trial = trials(rows, torch.ones(len(rows), 3, dtype=torch.bool))
    with torch.no_grad():
        mean, variance = guess(trial.embeddings, trial.shown)
    error = (trial.embeddings - mean)[trial.hidden].square().mean().sqrt()
    nll = imputation_loss(mean, variance, trial.embeddings, trial.hidden)
    return float(error), float(nll), coverage(mean, variance, trial.embeddings, trial.hidden)


@pytest.fixture(scope="module")
def everyone() -> Tensor:
    return torch.ones(1200, 3, dtype=torch.bool)


@pytest.fixture(scope="module")
def linear(everyone: Tensor) -> Imputer:
    return fitted(linear_rows(1200, seed=0), everyone)


def test_on_linear_data_it_comes_within_3_percent_of_the_best_there_is(linear: Imputer) -> None:
    fresh, best = linear_rows(800, seed=1), Imputer(WIDTH, 3)
    best.anchor.learn(torch.zeros(3, WIDTH), torch.ones(3, WIDTH), true_covariance())
    trial = trials(fresh, torch.ones(800, 3, dtype=torch.bool))
    mean, variance, *_ = best.anchor(trial.embeddings.masked_fill(~trial.shown.unsqueeze(-1), 0.0), trial.shown)
    mean, variance = mean.transpose(0, 1), variance.transpose(0, 1)
    rmse, nll, _ = measured(linear, fresh)
    assert rmse < 1.03 * float((trial.embeddings - mean)[trial.hidden].square().mean().sqrt())
    assert nll < float(imputation_loss(mean, variance, trial.embeddings, trial.hidden)) + 0.03


def test_with_few_rows_it_is_no_worse_than_ledoit_and_wolf() -> None:
    rows, present, fresh = linear_rows(100, seed=2), torch.ones(100, 3, dtype=torch.bool), linear_rows(800, seed=1)
    rmse, nll, _ = measured(fitted(rows, present), fresh)
    their_rmse, their_nll, _ = measured(GaussianImputer(rows, present), fresh)
    assert rmse < 1.01 * their_rmse
    assert nll < their_nll + 0.01


def test_on_bent_data_it_beats_the_conditional_gaussian(everyone: Tensor) -> None:
    rows, fresh = bent_rows(1200, seed=0), bent_rows(800, seed=1)
    rmse, nll, covered = measured(fitted(rows, everyone), fresh)
    their_rmse, their_nll, _ = measured(GaussianImputer(rows, everyone), fresh)
    assert rmse < 0.95 * their_rmse
    assert nll < their_nll - 0.05
    assert covered == pytest.approx(LEVELS, abs=0.03)


def test_rows_with_gaps_teach_what_complete_rows_alone_cannot() -> None:
    rows, fresh = linear_rows(600, seed=3), linear_rows(800, seed=1)
    present = torch.rand(600, 3, generator=torch.Generator().manual_seed(0)) < 0.4
    spoilt = rows.masked_fill(~present.unsqueeze(-1), float("nan"))
    rmse, nll, _ = measured(fitted(spoilt, present), fresh)
    their_rmse, their_nll, _ = measured(GaussianImputer(rows, present), fresh)
    assert rmse < 0.97 * their_rmse
    assert nll < their_nll


def test_intervals_of_fresh_rows_cover_what_they_claim(linear: Imputer) -> None:
    assert measured(linear, linear_rows(800, seed=1))[2] == pytest.approx(LEVELS, abs=0.03)


def test_a_spoilt_variance_is_stretched_back_whatever_was_shown(linear: Imputer, everyone: Tensor) -> None:
    spoilt = Imputer(WIDTH, 3)
    spoilt.load_state_dict(linear.state_dict())
    with torch.no_grad():
        spoilt.anchor.scale.mul_(torch.tensor([0.5, 1.0, 1.0])[:, None])
        spoilt.anchor.variance.mul_(4.0)
        spoilt.projectors.spread.fill_(1e6)
    fresh = linear_rows(800, seed=1)
    assert measured(spoilt, fresh)[2] != pytest.approx(LEVELS, abs=0.03)
    calibrate_imputer(spoilt, linear_rows(300, seed=4), everyone[:300])
    trial = trials(fresh, torch.ones(800, 3, dtype=torch.bool))
    with torch.no_grad():
        mean, variance = spoilt(trial.embeddings, trial.shown)
    for pattern in trial.shown.unique(dim=0):
        same = (trial.shown == pattern).all(1)
        found = coverage(mean[same], variance[same], trial.embeddings[same], trial.hidden[same])
        assert found == pytest.approx(LEVELS, abs=0.03)


def test_a_modality_that_nobody_has_leaves_the_others_as_they_are() -> None:
    rows, present = linear_rows(200, seed=0), torch.tensor([[True, True, False]]).expand(200, 3)
    made = fitted(rows, present)
    mean, variance = made(rows, present)
    assert torch.equal(mean[:, 2], torch.zeros(200, WIDTH))
    assert torch.allclose(variance[:, 2], variance[0, 2].expand(200, -1))
    plain, _ = MeanImputer(rows, present)(rows, present)
    assert (rows[:, 0] - mean[:, 0]).square().mean() < 0.8 * (rows[:, 0] - plain[:, 0]).square().mean()


def test_the_same_generator_gives_the_same_imputer() -> None:
    rows, present = linear_rows(120, seed=0), torch.ones(120, 3, dtype=torch.bool)
    first, second = (fitted(rows, present).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_nothing_held_is_refused() -> None:
    rows, present = linear_rows(20, seed=0), torch.ones(20, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="20 rows train and 0 are held"):
        fit_imputer(rows, present, torch.zeros(20, dtype=torch.bool), torch.Generator())
