"""The fusion core `fourier`: random Fourier features with the spectrum of the circuit, and no circuit (DESIGN §7)."""

import math

import torch
from torch import Tensor, nn

_MOST_ANGLES = 3
"""Angles that one frequency vector mixes at most."""


class FourierCore(nn.Module):
    """angles (B, n) radians -> (B, 2n) within ±1: each output is a sum of J cosines of the angles.

    A circuit that uploads RY(angle) L times is a Fourier series whose frequencies in every angle are whole
    numbers within ±L (Schuld, Sweke & Meyer 2021, eq. 4 and 8); with trained scales they are multiples of these.
    Each output draws J frequency vectors from {-L..L}^n, with one to three entries that are not zero, and J
    phases. They are drawn once and saved with the weights; the amplitudes alone are trained. Where this core
    does as well as the circuit, the circuit's spectrum did the work, not its being quantum.

    Amplitudes are divided by the sum of their sizes where that exceeds 1. That keeps the output within ±1
    without a squashing function, which would add frequencies that the circuit does not have.
    """

    frequencies: Tensor
    phases: Tensor

    def __init__(self, wires: int, layers: int, *, generator: torch.Generator) -> None:
        super().__init__()
        outputs, terms = 2 * wires, terms_per_output(layers)
        self.register_buffer("frequencies", draw_frequencies(outputs * terms, wires, layers, generator))
        self.register_buffer("phases", 2 * math.pi * torch.rand(outputs * terms, generator=generator))
        self.amplitudes = nn.Parameter(torch.randn(outputs, terms, generator=generator) / terms)

    def forward(self, angles: Tensor) -> Tensor:
        """angles (B, n) -> (B, 2n)."""
        waves = torch.cos(angles @ self.frequencies.mT + self.phases)  # (B, 2n·J)
        share = self.amplitudes / self.amplitudes.abs().sum(-1, keepdim=True).clamp_min(1)
        outputs: Tensor = (waves.view(-1, *self.amplitudes.shape) * share).sum(-1)
        return outputs


def terms_per_output(layers: int) -> int:
    """J. The circuit trains 3 numbers a layer and wire, the last RZ of a wire in vain: n(3L - 1) for 2n outputs.

    For L = 3, as served, 2n·J is that number exactly (64 for n = 8); for an even L it is n fewer.
    """
    return max(1, (3 * layers - 1) // 2)


def draw_frequencies(rows: int, wires: int, layers: int, generator: torch.Generator) -> Tensor:
    """Frequency vectors (rows, n) of whole numbers within ±L, one to three of each row not zero."""
    order = torch.rand(rows, wires, generator=generator).argsort(-1).argsort(-1)  # a random rank for each angle
    mixed = torch.randint(1, min(wires, _MOST_ANGLES) + 1, (rows, 1), generator=generator)
    size = torch.randint(1, layers + 1, (rows, wires), generator=generator)
    sign = 2 * torch.randint(0, 2, (rows, wires), generator=generator) - 1
    return (sign * size * (order < mixed)).float()
