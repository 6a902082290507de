"""One block's penalised linear model: diagnosis, hazards and response from its columns, solved to the end.

The hazard of endpoint k in bin j: logit = b_kj + s_k + u_k late_j, with s_k = x (w + d_k), u_k = x (v + e_k): what
the endpoints share (w, v) is penalised less than where they differ (d, e). Convex; no seed, no early stopping.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from model.heads import Logits
from model.linear import logits_of
from model.targets import Targets, loss_of
from schemas.bounds import Positive

Weights = dict[str, Tensor]
STEPS = 200
"""Of a fit, at most."""


@dataclass(frozen=True)
class Ridge:
    """Penalties, on the scale of losses summed over patients and endpoints."""

    shared: Positive = 3000.0
    """Of w; of v twice that."""
    own: Positive = 3000.0
    """Of d; of e four times that."""
    labels: Positive = 3.0
    """Of the weights of diagnosis and response. Of 100, 30, 10 and 3, what inner folds of a glioma cohort (13 ± 6 nats
    of 450 patients better than 100) and of a synthetic one liked best."""

    def times(self, factor: float) -> "Ridge":
        """Every penalty so many times as strong."""
        return Ridge(factor * self.shared, factor * self.own, factor * self.labels)


@dataclass(frozen=True)
class Block:
    """What one block's model is fitted on, float64."""

    columns: Tensor
    """(N, C) z-scores of the patients who have the block."""
    targets: Targets
    late: Tensor
    """(J,)."""
    base: Tensor
    """(P, J) logits that the baseline starts from."""

    @property
    def sizes(self) -> list[int]:
        """C', P, P, O."""
        endpoints = self.targets.events.shape[1]
        return [self.targets.classes.shape[1], endpoints, endpoints, self.targets.given.shape[1]]


def fit_block(block: Block, ridge: Ridge, start: Weights | None = None, steps: int = STEPS) -> Weights:
    """The block's weights (see `score_of`), from `start` or from zero, after `steps` of L-BFGS at most."""
    labels, endpoints, _, options = block.sizes
    width = block.columns.shape[1]
    shapes = {"w": (width,), "d": (width, endpoints), "v": (width,), "e": (width, endpoints)}
    shapes |= {"label": (width, labels), "option": (width, options), "offset": (labels + options,)}
    first = start or {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()} | {
        "baseline": block.base.clone()
    }
    weights = {name: value.clone().requires_grad_() for name, value in first.items()}

    def objective() -> Tensor:
        logits = _logits(block, weights)
        return loss_of(logits, block.targets).sum() + _penalty(weights, ridge, max(endpoints, 1))

    minimise(weights, objective, steps)
    return {name: value.detach() for name, value in weights.items()}


def score_of(columns: Tensor, weights: Weights) -> Tensor:
    """columns (N, C) -> scores (N, L) of this block, before any gain."""
    return columns @ effective(weights)


def effective(weights: Mapping[str, Tensor]) -> Tensor:
    """The block's weights as one matrix (C, L): labels, risks, slopes, options."""
    risk, slope = weights["w"].unsqueeze(1) + weights["d"], weights["v"].unsqueeze(1) + weights["e"]
    return torch.cat((weights["label"], risk, slope, weights["option"]), 1)


def minimise(weights: Mapping[str, Tensor], objective: Callable[[], Tensor], steps: int) -> None:
    """L-BFGS (Nocedal & Wright, ch. 7) over the whole batch until it no longer falls; changes `weights` in place."""
    used = [weight for weight in weights.values() if weight.numel()]
    optimiser: torch.optim.Optimizer = torch.optim.LBFGS(
        used, max_iter=steps, tolerance_grad=1e-4, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimiser.zero_grad()
        loss = objective()
        torch.autograd.backward(loss)
        return float(loss.detach())

    optimiser.step(closure)


def _logits(block: Block, weights: Mapping[str, Tensor]) -> Logits:
    total = score_of(block.columns, dict(weights))
    return logits_of(total, weights["offset"], weights["baseline"], block.late, block.sizes)


def _penalty(weights: Mapping[str, Tensor], ridge: Ridge, endpoints: int) -> Tensor:
    """On the scale of a loss that is the mean over the endpoints."""
    parts = (
        ridge.shared * weights["w"].square().sum(),
        ridge.own * weights["d"].square().sum(),
        2 * ridge.shared * weights["v"].square().sum(),
        4 * ridge.own * weights["e"].square().sum(),
        weights["baseline"].diff(dim=-1).square().sum(),
    )
    others = weights["label"].square().sum() + weights["option"].square().sum()
    return torch.stack(parts).sum() / 2 / endpoints + ridge.labels * others / 2
