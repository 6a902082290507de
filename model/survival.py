"""Discrete-time survival: hazards by bin to curves, horizons and medians, and the likelihood they are trained by."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

YEAR_DAYS = 365.25
HORIZONS_YEARS = (1, 3, 5)
_EDGES_YEARS = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8.5, 10.5, 15)


def edges_until(horizon_days: float) -> tuple[float, ...]:
    """Right edges of the bins, finer at first, the last one at the horizon."""
    inner = [years * YEAR_DAYS for years in _EDGES_YEARS if years * YEAR_DAYS < 0.95 * horizon_days]
    return (*inner, float(horizon_days))


def late_bins(edges: Sequence[float]) -> Tensor:
    """How late each bin lies (J,): the log of its middle in years, half a year added, against two years."""
    right = torch.tensor(edges)
    middles = (torch.cat((torch.zeros(1), right[:-1])) + right) / 2 / YEAR_DAYS
    return torch.log(middles + 0.5) - math.log(2.0)


def bounded(risk: Tensor, bound: Tensor) -> Tensor:
    """A risk as it acts on a hazard's logit: as it is near 0, never beyond ±bound (broadcast against `risk`).

    Scores are sums of columns of which a few lie far out, and the likelihood is made by the many in the middle: left
    unbounded, the highest tenth of HANCOCK's patients was told a risk that did not come true.
    """
    return bound * torch.tanh(risk / bound)


def curves(hazards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hazards (..., J) -> survival (..., J) at each bin's right edge."""
    return np.asarray(np.cumprod(1.0 - hazards, axis=-1), np.float64)


def survival_at(survived: NDArray[np.float64], edges: NDArray[np.float64], days: float) -> NDArray[np.float64]:
    """S at one time (...,), linear between the edges; `days` must not lie beyond the last edge."""
    right = int(np.searchsorted(edges, days))
    after, before = survived[..., right], survived[..., right - 1] if right else np.ones_like(survived[..., 0])
    start = edges[right - 1] if right else 0.0
    share = (days - start) / (edges[right] - start)
    at: NDArray[np.float64] = before + share * (after - before)
    return at


def medians(survived: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """When each curve (..., J) crosses one half, linear between the edges; infinite where it never does."""
    right = (survived <= 0.5).argmax(-1)  # 0 as well where no bin is below
    flat = survived.ravel()
    places = np.arange(0, flat.size, survived.shape[-1]).reshape(right.shape) + right
    after, before = flat.take(places), np.where(right == 0, 1.0, flat.take(places - 1))
    starts = np.concatenate(([0.0], edges))
    share = (before - 0.5) / np.maximum(before - after, 1e-12)
    days: NDArray[np.float64] = np.where(
        after <= 0.5, starts.take(right) + share * (starts.take(right + 1) - starts.take(right)), np.inf
    )
    return days


def bin_targets(
    days: NDArray[np.float64], event: NDArray[np.bool_], edges: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Times (...,) and events -> labels and mask, each (..., J).

    A bin counts where the patient was at risk in it: all before the last, and the last one where the event
    fell in it or where the patient was followed past its middle. An unknown time (NaN) masks every bin.
    """
    starts = np.concatenate(([0.0], edges[:-1]))
    within = (days[..., None] > starts) & (days[..., None] <= edges)
    within[..., 0] |= days == 0
    labels = within & event[..., None]
    mask = (days[..., None] > (starts + edges) / 2) | labels
    return labels.astype(np.float32), mask.astype(np.float32)


def hazard_loss(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Negative log likelihood of the hazards by patient: logits (..., P, J), labels and mask likewise -> (...,)."""
    return (functional.binary_cross_entropy_with_logits(logits, labels, reduction="none") * mask).sum((-2, -1))


def torch_curves(logits: Tensor) -> Tensor:
    """Hazard logits (..., J) -> survival (..., J), differentiable."""
    return torch.cumprod(torch.sigmoid(-logits), dim=-1)
