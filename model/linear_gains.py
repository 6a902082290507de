"""What each block's scores are worth together, and how they act: one small fit a pattern of presence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from model.linear import LinearRoad, acting, logits_of, pattern_of
from model.linear_fit import STEPS, minimise
from model.targets import Targets, loss_of

_BOUND = 1.5
"""Where bounds start and are held: odds up to 4.5 times the baseline's. Of 1, 1.5 and 2, best on HANCOCK."""
_OF_BOUND, _OF_FADE = 20.0, 4.0
"""Ridges of the logarithm of a bound and of a fade."""
_STEPS = 100
"""Of a pattern's fit, at most."""
_PARTS = ("gain", "offset", "baseline", "bound", "fade")


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


def fit_gains(road: LinearRoad, scored: Scored, ridges: Sequence[float], steps: int = STEPS) -> None:
    """Set the road's gains, offsets, baselines, bounds and fades for every pattern; `ridges` (K,) of the gains.

    A pattern is fitted on every patient who has any of its blocks, shown those alone.
    """
    for choice in product((False, True), repeat=road.blocks):
        kept = torch.tensor(choice, dtype=torch.bool)
        shown = scored.present & kept
        rows = shown.any(1) if kept.any() else torch.ones(len(shown), dtype=torch.bool)
        if not rows.any():
            rows = torch.ones(len(shown), dtype=torch.bool)  # nobody has it: the bare baseline
        fitted = _fit(road, scored, shown, torch.nonzero(rows).squeeze(1), ridges, min(steps, _STEPS))
        place = int(pattern_of(kept.unsqueeze(0)))
        for name in _PARTS:
            road.get_buffer(name)[place] = fitted[name].float()


def copy_gains(source: LinearRoad, target: LinearRoad) -> None:
    """Give one road all that `fit_gains` set for another."""
    for name in _PARTS:
        target.get_buffer(name).copy_(source.get_buffer(name))


def _fit(
    road: LinearRoad, scored: Scored, shown: Tensor, rows: Tensor, ridges: Sequence[float], steps: int
) -> Mapping[str, Tensor]:
    scores = scored.scores[rows] * shown[rows].unsqueeze(-1)
    targets, strength = scored.targets.rows(rows), torch.tensor(ridges, dtype=torch.float64)
    endpoints, groups = max(road.sizes[1], 1), road.gain.shape[-1]
    weights = {
        "root": torch.full((road.blocks, groups), 0.55, dtype=torch.float64),
        "offset": torch.zeros(road.offset.shape[-1], dtype=torch.float64),
        "baseline": scored.base.clone(),
        "stretch": torch.zeros(road.sizes[1], dtype=torch.float64),
        "fade": torch.zeros(road.sizes[1], dtype=torch.float64),
    }
    for weight in weights.values():
        weight.requires_grad_()
    late = road.late.double()

    def objective() -> Tensor:
        gain = weights["root"].square()  # a block that speaks against its own past says nothing (Breiman 1996)
        total = (scores * gain[:, road.group]).sum(1)
        acts = acting(total, _BOUND * weights["stretch"].exp(), weights["fade"], road.sizes)
        logits = logits_of(acts, weights["offset"], weights["baseline"], late, road.sizes)
        smooth = weights["baseline"].diff(dim=-1).square().sum()
        penalty = (gain.square() * strength.unsqueeze(1)).sum()
        penalty = penalty + _OF_BOUND * weights["stretch"].square().sum() + _OF_FADE * weights["fade"].square().sum()
        return loss_of(logits, targets).sum() + (smooth + penalty) / 2 / endpoints

    minimise(weights, objective, steps)
    found = {name: weight.detach() for name, weight in weights.items()}
    return found | {"gain": found["root"].square(), "bound": _BOUND * found["stretch"].exp()}
