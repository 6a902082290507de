"""Attention with linear biases (Press et al. 2022), in its symmetric form for encoders."""

import torch
from torch import Tensor


def alibi_slopes(heads: int) -> list[float]:
    """One slope a head: 2^(-8/h), 2^(-16/h) … for h a power of two.

    For another number: those of the power below, then every second one of the power above.
    """
    below = 1 << (heads.bit_length() - 1)
    slopes = [2.0 ** (-8 * (head + 1) / below) for head in range(below)]
    between = [2.0 ** (-8 * (head + 1) / (2 * below)) for head in range(0, 2 * below, 2)]
    return slopes + between[: heads - below]


def alibi_bias(heads: int, tokens: int) -> Tensor:
    """-slope · |i - j|: (heads, T, T) float32."""
    position = torch.arange(tokens)
    distance = (position.unsqueeze(0) - position.unsqueeze(1)).abs()
    return -torch.tensor(alibi_slopes(heads)).view(heads, 1, 1) * distance
