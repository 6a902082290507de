"""The linear road fitted: a convex problem with a heavy ridge, solved to the end, no seed and no stopping."""

from collections.abc import Callable

import torch
from torch import Tensor

from model.heads import Logits
from model.joint_training import Examples, subsets
from model.labels import task_loss
from model.linear import LinearRoad
from model.network import MODALITIES, Network
from model.statistics import base_hazards

HAZARD_RIDGE, OTHER_RIDGE = 300.0, 10.0
"""Penalties on the scale of losses summed over patients; time slopes count double. Not tuned for any cohort."""


def fit_linear(network: Network, examples: Examples) -> float:
    """Fit the linear road on the training patients under every subset of what they have; returns the held-out loss."""
    road = network.linear
    with torch.no_grad():
        road.baseline.copy_(base_hazards(examples.labels.rows(examples.train)))
    patterns = list(subsets(examples.present[examples.train]))
    times_shown = torch.stack([kept.any(1) for kept in patterns]).sum(0).clamp_min(1)  # (N,)

    def objective() -> Tensor:
        scores = plain_scores(network, examples, examples.train)
        labels = examples.labels.rows(examples.train)
        losses = [
            task_loss(with_member(road(scores, kept)), labels, kept.any(1, keepdim=True) / times_shown.unsqueeze(1))
            for kept in patterns
        ]
        return torch.stack(losses).sum() * len(scores) + _ridge(road)

    minimise(road, objective)
    return _held_loss(network, examples)


def minimise(road: LinearRoad, objective: Callable[[], Tensor]) -> None:
    """L-BFGS over the whole batch until it no longer falls."""
    optimiser: torch.optim.Optimizer = torch.optim.LBFGS(road.parameters(), max_iter=150, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        loss = objective()
        torch.autograd.backward(loss)
        return float(loss.detach())

    optimiser.step(closure)


def plain_scores(network: Network, examples: Examples, rows: Tensor) -> Tensor:
    """The linear road's scores of these rows: (B, M, L)."""
    parts = []
    for modality in MODALITIES:
        batch = {name: tensor[rows] for name, tensor in examples.features[modality].items()}
        parts.append(network.linear.score(modality, batch, network.clinical))
    return torch.stack(parts, 1)


def with_member(logits: Logits) -> Logits:
    """Logits (B, ...) as those of an ensemble of one: (B, 1, ...)."""
    return Logits(*(part.unsqueeze(1) for part in logits))


def _ridge(road: LinearRoad) -> Tensor:
    labels, endpoints, _, options = road.sizes
    strengths = [OTHER_RIDGE] * labels + [HAZARD_RIDGE] * endpoints + [2 * HAZARD_RIDGE] * endpoints
    strength = torch.tensor(strengths + [OTHER_RIDGE] * options)
    return torch.stack([(weight.square() * strength).sum() for weight in road.penalties().values()]).sum() / 2


@torch.no_grad()
def _held_loss(network: Network, examples: Examples) -> float:
    scores, labels = plain_scores(network, examples, examples.held), examples.labels.rows(examples.held)
    total, count = 0.0, 0
    for kept in subsets(examples.present[examples.held]):
        rows = torch.nonzero(kept.any(1)).squeeze(1)
        loss = task_loss(with_member(network.linear(scores[rows], kept[rows])), labels.rows(rows))
        total, count = total + float(loss) * len(rows), count + len(rows)
    return total / max(count, 1)
