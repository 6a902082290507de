"""Bags of any size to one vector: gated attention, at once or chunk by chunk with the memory of one chunk."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Running(NamedTuple):
    """A softmax-weighted mean in the making: the largest score so far (B,), the weights' sum (B,), the sum (B, D)."""

    peak: Tensor
    weight: Tensor
    total: Tensor


class AttentionPool(nn.Module):
    """Pool a bag of items into one vector (gated attention, Ilse et al. 2018).

    items (B, N, D), present (B, N) bool -> (B, D); N may differ from call to call.
    An empty bag gives zeros, with finite gradients; the caller flags it.
    """

    def __init__(self, width: int, hidden: int = 64) -> None:
        super().__init__()
        self.value = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, 1)

    def scores(self, items: Tensor) -> Tensor:
        """items (B, N, D) -> (B, N): what the softmax weighs."""
        gated = torch.tanh(self.value(items)) * torch.sigmoid(self.gate(items))  # (B, N, H)
        score: Tensor = self.score(gated)
        return score.squeeze(-1)

    def forward(self, items: Tensor, present: Tensor) -> Tensor:
        """items (B, N, D), present (B, N) -> (B, D)."""
        items = items.masked_fill(~present.unsqueeze(-1), 0.0)  # 0 * NaN is NaN: absent content goes first
        score = self.scores(items).masked_fill(~present, torch.finfo(items.dtype).min)
        weight = score.softmax(dim=-1) * present  # rows sum to 1, or to 0 where the bag is empty
        return torch.einsum("bn,bnd->bd", weight, items)

    def begin(self, rows: int, width: int) -> Running:
        """The state before the first chunk, for (B, N, D) bags."""
        lowest = torch.full((rows,), torch.finfo(torch.float32).min)
        return Running(lowest, torch.zeros(rows), torch.zeros(rows, width))

    def add(self, state: Running, items: Tensor, present: Tensor) -> Running:
        """Take in one chunk (B, N, D), (B, N): old sums are rescaled to the new peak (running softmax)."""
        items = items.masked_fill(~present.unsqueeze(-1), 0.0)
        score = self.scores(items).masked_fill(~present, torch.finfo(items.dtype).min)
        peak = torch.maximum(state.peak, score.amax(dim=-1))
        fade = torch.exp(state.peak - peak)
        weight = torch.exp(score - peak.unsqueeze(-1)) * present
        total = state.total * fade.unsqueeze(-1) + torch.einsum("bn,bnd->bd", weight, items)
        return Running(peak, state.weight * fade + weight.sum(dim=-1), total)

    def finish(self, state: Running) -> Tensor:
        """The pooled (B, D): what `forward` gives for all chunks at once."""
        return state.total / state.weight.clamp_min(torch.finfo(torch.float32).tiny).unsqueeze(-1)
