"""Attention with masked slots that cannot be felt, and the cross-modal block built on it."""

import torch
from torch import Tensor, nn


class MaskedAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017) over the slots that are usable.

    slots (B, N, D), usable (B, N) bool -> (B, N, D). At least one slot a row must be usable.
    Written out, since the fused kernels of torch take other roads for other masks, and bytes must not.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, slots: Tensor, usable: Tensor) -> Tensor:
        """slots (B, N, D), usable (B, N) -> (B, N, D)."""
        split = self.project(slots).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)  # each (B, H, N, d)
        score = query @ key.mT * (query.shape[-1] ** -0.5)  # (B, H, N, N)
        score = score.masked_fill(~usable[:, None, None, :], torch.finfo(score.dtype).min)
        mixed = score.softmax(dim=-1) @ value
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result


class Block(nn.Module):
    """One pre-norm transformer layer: slots (B, N, D), usable (B, N) -> (B, N, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.attention = MaskedAttention(width, heads)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, slots: Tensor, usable: Tensor) -> Tensor:
        """slots (B, N, D), usable (B, N) -> (B, N, D)."""
        slots = slots + self.attention(self.before(slots), usable)
        result: Tensor = slots + self.feed(slots)
        return result


class CrossModalAttention(nn.Module):
    """Let the modalities look at one another, knowing which of them are imputed.

    embeddings (B, M, D), present (B, M) bool, usable (M,) bool -> (B, D).
    A slot that is not usable cannot influence the output, whatever is in it.
    """

    def __init__(self, width: int, heads: int, modalities: int) -> None:
        super().__init__()
        self.modality = nn.Parameter(0.1 * torch.randn(modalities, width))
        self.origin = nn.Parameter(0.1 * torch.randn(2, width))
        """Row 0 is added to imputed slots, row 1 to seen ones."""
        self.summary = nn.Parameter(0.1 * torch.randn(width))
        self.block = Block(width, heads)
        self.norm = nn.LayerNorm(width)

    def forward(self, embeddings: Tensor, present: Tensor, usable: Tensor) -> Tensor:
        """embeddings (B, M, D), present (B, M), usable (M,) -> (B, D)."""
        rows = embeddings.shape[0]
        slots = embeddings + self.modality + self.origin[present.long()]
        slots = slots.masked_fill(~usable[:, None], 0.0)  # 0 * NaN is NaN: what is masked goes first
        slots = torch.cat((self.summary.expand(rows, 1, -1), slots), dim=1)  # (B, 1 + M, D)
        open_slots = torch.cat((usable.new_ones(1), usable)).expand(rows, -1)
        result: Tensor = self.norm(self.block(slots, open_slots)[:, 0])
        return result
