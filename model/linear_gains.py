"""What each block's scores are worth together, and the baseline they stand on: one small fit a pattern of presence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from model.linear import LinearRoad, logits_of, pattern_of
from model.linear_fit import minimise
from model.targets import Targets, loss_of


@dataclass(frozen=True)
class Scored:
    """N patients with out-of-fold scores of every block, float64."""

    scores: Tensor
    """(N, K, L), in standard deviations of each block's risk."""
    present: Tensor
    """(N, K) bool."""
    targets: Targets
    base: Tensor
    """(P, J)."""


def fit_gains(road: LinearRoad, scored: Scored, ridges: Sequence[float]) -> None:
    """Set the road's gains, offsets and baselines for every pattern; `ridges` (K,) of the blocks' gains.

    A pattern is fitted on every patient who has any of its blocks, shown those alone.
    """
    for choice in product((False, True), repeat=road.blocks):
        kept = torch.tensor(choice, dtype=torch.bool)
        shown = scored.present & kept
        rows = shown.any(1) if kept.any() else torch.ones(len(shown), dtype=torch.bool)
        if not rows.any():
            rows = torch.ones(len(shown), dtype=torch.bool)  # nobody has it: the bare baseline
        fitted = _fit(road, scored, shown, torch.nonzero(rows).squeeze(1), ridges)
        place = int(pattern_of(kept.unsqueeze(0)))
        road.gain[place], road.offset[place], road.baseline[place] = (
            fitted[name].float() for name in ("gain", "offset", "baseline")
        )


def _fit(
    road: LinearRoad, scored: Scored, shown: Tensor, rows: Tensor, ridges: Sequence[float]
) -> Mapping[str, Tensor]:
    scores = scored.scores[rows] * shown[rows].unsqueeze(-1)
    targets, strength = scored.targets.rows(rows), torch.tensor(ridges, dtype=torch.float64)
    endpoints, groups = max(road.sizes[1], 1), road.gain.shape[-1]
    weights = {
        "gain": torch.full((road.blocks, groups), 0.3, dtype=torch.float64),
        "offset": torch.zeros(road.offset.shape[-1], dtype=torch.float64),
        "baseline": scored.base.clone(),
    }
    for weight in weights.values():
        weight.requires_grad_()
    late = road.late.double()

    def objective() -> Tensor:
        total = (scores * weights["gain"][:, road.group]).sum(1)
        logits = logits_of(total, weights["offset"], weights["baseline"], late, road.sizes)
        smooth = weights["baseline"].diff(dim=-1).square().sum()
        penalty = (weights["gain"].square() * strength.unsqueeze(1)).sum()
        return loss_of(logits, targets).sum() + (smooth + penalty) / 2 / endpoints

    minimise(weights, objective, iterations=100)
    return {name: weight.detach() for name, weight in weights.items()}
