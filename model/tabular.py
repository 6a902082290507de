"""The table as the linear road reads it: every column in standard deviations of the training rows."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.features import Batch
from schemas.table import Table

_CLIP, _SQUARE_CLIP = 5.0, 3.0


class Tabular(nn.Module):
    """column (B, C), measured (B, C), block (B, K) -> z-scores (B, C) within ±5, 0 where a column is absent."""

    mean: Tensor
    scale: Tensor
    base: Tensor
    squared: Tensor
    owner: Tensor

    def __init__(self, table: Table) -> None:
        super().__init__()
        columns = [column for _, column in table.columns]
        self.blocks = len(table.blocks)
        self.register_buffer("mean", torch.zeros(len(columns)))
        self.register_buffer("scale", torch.zeros(len(columns)))
        """1 / standard deviation; 0 until `learn`."""
        self.register_buffer("squared", torch.tensor([c.form == "square" for c in columns], dtype=torch.bool), False)
        self.register_buffer("base", torch.tensor([c.place * (c.form == "square") for c in columns]).long(), False)
        self.register_buffer("owner", torch.tensor([block for block, _ in table.columns]).long(), False)
        """(C,): the block of each column."""

    def forward(self, batch: Batch) -> Tensor:
        """Batch of `TableReader` -> (B, C)."""
        numbers, there = self._raw(batch["column"], batch["measured"])
        return ((numbers - self.mean) * self.scale).clamp(-_CLIP, _CLIP) * there

    def learn(self, numbers: NDArray[np.float32], measured: NDArray[np.bool_]) -> None:
        """Take means and deviations from training rows (N, C), a column's measured ones alone."""
        values, there = torch.from_numpy(numbers), torch.from_numpy(measured)
        for _ in range(2):  # squares are made of what the first round standardised
            raw, shown = self._raw(values, there)
            count = shown.sum(0).clamp_min(1)
            mean = (raw.double() * shown).sum(0) / count
            deviation = (((raw.double() - mean).square() * shown).sum(0) / count).sqrt()
            self.mean.copy_(mean)
            self.scale.copy_(torch.where(deviation > 1e-9, 1 / deviation.clamp_min(1e-9), 0.0))

    def _raw(self, numbers: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Squares filled in from their base columns."""
        scored = ((numbers - self.mean) * self.scale)[:, self.base].clamp(-_SQUARE_CLIP, _SQUARE_CLIP)
        filled = torch.where(self.squared, scored.square(), numbers)
        return filled, torch.where(self.squared, measured[:, self.base], measured)
