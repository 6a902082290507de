"""The imputer trained by itself on fixed embeddings: its Gaussian in closed form, its projectors, its stretch."""

from collections.abc import Iterator

import torch
from torch import Tensor

from model.batch_order import shuffled
from model.descent import Descent, Phase, Report, descend
from model.hardware import ALONE, Hardware
from model.imputer import Imputer, imputation_loss
from model.imputer_calibration import Trial, calibrate_imputer, trials
from model.imputer_covariance import Moments, standardised

_STRENGTHS = (8.0, 3.0, 1.5, 0.8, 0.4, 0.2, 0.1, 0.05)
"""Pseudo-rows of noise for every row that has a modality, tried from much to little."""
_ROUNDS = 6
_FOLDS = 4
_LEAST_HELD = 40
"""Held rows with two modalities that it takes to tell whether the projectors learn; with fewer they stay silent."""
_BATCH = 64
_SHOWN = 0.6
"""Share of the modalities of a row that training shows."""
DESCENT = Descent(epochs=40, rate=4e-3, decay=0.1, patience=6)


def silent(name: str, share: float, loss: float) -> None:
    """A report that nobody reads."""


def fit_imputer(
    embeddings: Tensor,
    present: Tensor,
    held: Tensor,
    generator: torch.Generator,
    descent: Descent = DESCENT,
    report: Report = silent,
    hardware: Hardware = ALONE,
) -> Imputer:
    """Embeddings (N, M, D), present (N, M), held (N,) bool -> an imputer in evaluation mode.

    The rows of `held` tell when to stop and set the stretch; the others train, and choose the shrinkage. What the
    embeddings hold where nothing is present is never looked at. Raises ValueError where no row trains, or none
    is held.
    """
    embeddings = embeddings.detach().float().masked_fill(~present.unsqueeze(-1), 0.0)
    train, rest = present.any(1) & ~held, present.any(1) & held
    if not train.any() or not rest.any():
        found = f"{int(train.sum())} rows train and {int(rest.sum())} are held"
        raise ValueError(f"{found}; an imputer wants some of both, with something present: hold other rows")
    with torch.random.fork_rng(devices=[]):  # what it draws for its weights is drawn again, from our generator
        imputer = Imputer(embeddings.shape[2], embeddings.shape[1])
    imputer.projectors.start(generator)
    shown = trials(embeddings[rest], present[rest])
    fit_anchor(imputer, embeddings[train], present[train], generator)
    if int((present[rest].sum(1) > 1).sum()) >= _LEAST_HELD:
        fit_projectors(imputer, embeddings[train], present[train], shown, generator, descent, report, hardware)
    calibrate_imputer(imputer, embeddings[rest], present[rest])
    return imputer.eval()


def fit_anchor(imputer: Imputer, embeddings: Tensor, present: Tensor, generator: torch.Generator) -> None:
    """Give the imputer the conditional Gaussian of these rows, with the shrinkage that cross-validation likes best."""
    fold = torch.randperm(len(present), generator=generator) % _FOLDS
    inside = [gaussians(embeddings[fold != part], present[fold != part]) for part in range(_FOLDS)]
    outside = [trials(embeddings[fold == part], present[fold == part]) for part in range(_FOLDS)]
    best, chosen = float("inf"), next(gaussians(embeddings, present))
    for gaussian, *parts in zip(gaussians(embeddings, present), *inside, strict=True):
        loss = 0.0
        for part, trial in zip(parts, outside, strict=True):
            imputer.anchor.learn(*part)
            loss += loss_of(imputer, trial)
        if loss >= best:
            break  # the loss has one valley: weaker shrinkage only leads further away
        best, chosen = loss, gaussian
    imputer.anchor.learn(*chosen)


def gaussians(embeddings: Tensor, present: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """How rows (N, M, D), present (N, M) are standardised, with their covariance at each strength of shrinkage."""
    standard = standardised(embeddings, present)
    moments = Moments(standard.rows, present)
    rows = max(1.0, float(present.sum()) / present.shape[1])
    covariance = torch.eye(moments.width, dtype=torch.float64)
    for strength in _STRENGTHS:
        covariance = moments.improve(covariance, strength * rows, _ROUNDS)
        yield standard.centre, standard.scale, covariance


def fit_projectors(
    imputer: Imputer,
    embeddings: Tensor,
    present: Tensor,
    held: Trial,
    generator: torch.Generator,
    descent: Descent,
    report: Report,
    hardware: Hardware,
) -> float:
    """Train what the projectors add to the anchor, by likelihood on random subsets; returns the best held loss."""

    def steps() -> Iterator[Tensor]:
        for rows in shuffled(torch.arange(len(present)), _BATCH, generator):
            known = present[rows]
            shown = known & (torch.rand(known.shape, generator=generator) < _SHOWN)
            truth, there = hardware.mine(embeddings[rows]), hardware.mine(known)
            mean, variance = imputer(truth, hardware.mine(shown))
            yield hardware.part(imputation_loss(mean, variance, truth, there), known.sum(1))

    trial = Trial(*map(hardware.mine, held))

    def validate() -> float:
        return hardware.total(hardware.part(loss_of(imputer, trial), held.hidden.sum(1)))

    return descend(Phase("imputer", (imputer,), steps, validate), descent, report, hardware)


@torch.no_grad()
def loss_of(imputer: Imputer, trial: Trial) -> float:
    """Mean Gaussian negative log likelihood a dimension of what the trial hides."""
    mean, variance = imputer(trial.embeddings, trial.shown)
    return float(imputation_loss(mean, variance, trial.embeddings, trial.hidden))
