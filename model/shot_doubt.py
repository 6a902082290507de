"""The doubt that finite shots add: their variance, carried to the answer's entropy in closed form (DESIGN §7)."""

from collections.abc import Callable

import torch
from torch import Tensor

from model.fusion import Core


def shot_doubt(outcome_of: Callable[[Core], Tensor], expectations: Tensor, variance: Tensor) -> Tensor:
    """Nats (B,): by how much shots raise the entropy of the answer on average, to second order in their noise.

    `outcome_of` gives the answer (B, K, E, C) for a core; expectations and their variance are (B·K, 2n). For
    probabilities p with a small random error, H(mean p) - mean H(p) = ½ Σ_c var(p_c) / p_c: the same split
    as for draws and heads (`model/doubt.py`), and in proportion to 1/shots. var(p_c) is by the delta method:
    the sum, over expectations, of (dp_c by one standard deviation)². Each circuit is run by itself, so the
    errors of K draws are independent and their mean has a K-th of the variance.

    Why not by random draws: they would need many passes to say what 2n passes say without an error of their
    own. Why differences and not autograd: they ask nothing of what lies between circuit and answer (the
    survival answer is interpolated in numpy). A step goes towards 0, so that it stays within ±1.

    What it leaves out: ⟨Z_i⟩ and ⟨Z_i Z_{i+1}⟩ are estimated from the same shots, and their errors can be
    correlated; the closed form (1 - e²) / shots is of each alone.
    """
    answered = _answered(outcome_of, expectations)  # (B, K, C)
    answer, draws = answered.mean(1), answered.shape[1]
    spread = torch.zeros_like(answer)
    if not variance.any():
        return spread.sum(-1)
    steps = torch.copysign(variance.sqrt(), -expectations)
    for place in range(expectations.shape[1]):
        moved = expectations.clone()
        moved[:, place] += steps[:, place]
        change = _answered(outcome_of, moved) - answered
        spread += (change / draws).square().sum(1)
    return (spread / (2 * answer.clamp_min(torch.finfo(answer.dtype).tiny))).sum(-1)


def _answered(outcome_of: Callable[[Core], Tensor], expectations: Tensor) -> Tensor:
    return outcome_of(lambda _: expectations).mean(2)
