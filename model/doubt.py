"""How much of the doubt comes from where: entropies in nats, split so that the parts add up (DESIGN §7).

The probabilities come as K imputation draws of E heads. The concavity of entropy makes every part
non-negative: for draws p of anything, H(mean p) >= mean H(p), and the gap is what the draws disagree on.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Split(NamedTuple):
    """Nats, each (B,): `total` = `data` + `imputation` + `model`, of exact simulation."""

    total: Tensor
    data: Tensor
    imputation: Tensor
    model: Tensor


def entropy(probabilities: Tensor) -> Tensor:
    """(..., C) -> (...) nats; 0 log 0 is 0."""
    summed: Tensor = torch.special.entr(probabilities).sum(-1)
    return summed


def split(probabilities: Tensor) -> Split:
    """Probabilities (B, K, E, C) -> the parts: between draws, between heads of a draw, and what is left."""
    by_draw = probabilities.mean(2)  # (B, K, C)
    total = entropy(by_draw.mean(1))
    of_draws = entropy(by_draw).mean(1)
    data = entropy(probabilities).mean((1, 2))
    return Split(total, data, (total - of_draws).clamp_min(0), (of_draws - data).clamp_min(0))


def of_simulation(parts: Split) -> Tensor:
    """The parts as `with_backend` gives them where exact simulation is what measured: (B, 6) nats."""
    none = torch.zeros_like(parts.total)
    return torch.stack((*parts, none, none), -1)


def with_backend(parts: Split, exact: Tensor, measured: Tensor, shots: Tensor | None = None) -> Tensor:
    """The parts with what a backend adds: (B, 6) nats, total, data, imputation, model, shots, hardware.

    `exact` and `measured` are the probabilities (B, K, E, C) by exact simulation and by the backend; hardware is
    how far apart the entropies of their means are. It holds whatever parts the two, finite shots as well; shots,
    the part that is expected of them, is of second order. The total is the sum: the exact entropy and both.
    """
    hardware = (entropy(measured.mean((1, 2))) - entropy(exact.mean((1, 2)))).abs()
    shots = torch.zeros_like(hardware) if shots is None else shots
    return torch.stack((parts.total + shots + hardware, *parts[1:], shots, hardware), -1)


def expected_drop(probabilities: Tensor) -> Tensor:
    """What knowing one modality would take off the entropy, on average over what it may turn out to be.

    Probabilities (B, K, E, C), where only that modality differs from draw to draw -> (B,) nats: the mutual
    information of the answer and the modality, estimated by K draws.
    """
    by_draw = probabilities.mean(2)
    return (entropy(by_draw.mean(1)) - entropy(by_draw).mean(1)).clamp_min(0)
