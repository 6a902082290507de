"""The clinical encoder: a set of observation tokens through a small transformer and attention pooling."""

import torch
from torch import Tensor, nn

from model.attention import Block
from model.encoders.arrived import NoteTokens
from model.encoders.clinical_tokens import ANSWERS, FLAGS
from model.encoders.pooling import AttentionPool
from model.features import Batch

KNOWN = 512
"""Codes with a row and statistics of their own, the most frequent in training."""
OTHER = 64
"""Rows shared by all other codes, by hash."""
_CLIP = 5.0


class ClinicalEncoder(nn.Module):
    """Tokens of `clinical_features` -> (B, D). A patient without tokens is the learned `nothing` token alone.

    Beside the transformer runs a plain sum over the tokens, linear in the standardised values (wide & deep,
    Cheng et al. 2016): on small cohorts that is nearly all there is to learn.
    """

    known: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, width: int, inner: int = 64, heads: int = 4, layers: int = 2, *, notes: bool = False) -> None:
        super().__init__()
        self.register_buffer("known", torch.full((KNOWN,), torch.iinfo(torch.int64).max))
        """Sorted stable hashes of the known codes; rows without one hold the largest integer."""
        self.register_buffer("mean", torch.zeros(KNOWN + OTHER))
        self.register_buffer("scale", torch.zeros(KNOWN + OTHER))
        """1 / standard deviation of a code's values; 0 where training had too few, so that values say nothing."""
        self.code = nn.Embedding(KNOWN + OTHER, inner)
        self.slope = nn.Embedding(KNOWN + OTHER, inner)
        self.answer = nn.Embedding(ANSWERS, inner)
        self.numbers = nn.Linear(1 + 2 + FLAGS, inner)
        self.wide = nn.ModuleList([nn.Embedding(KNOWN + OTHER, width), nn.Embedding(KNOWN + OTHER, width)])
        """Of each code: what its being there says, and what each unit of its value says."""
        self.wide_answer = nn.Embedding(ANSWERS, width)
        for table in (*self.wide, self.wide_answer):
            nn.init.normal_(table.weight, std=0.05)
        self.nothing = nn.Parameter(torch.zeros(inner))
        self.notes = NoteTokens(width, inner) if notes else None
        """Only where the network is trained behind an encoder of notes."""
        self.blocks = nn.ModuleList([Block(inner, heads) for _ in range(layers)])
        self.pool = AttentionPool(inner)
        self.out = nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)

    def forward(self, batch: Batch) -> Tensor:
        """Batch of T tokens a row, and where it reads notes, of their `vector_features` -> (B, D)."""
        rows = self.rows(batch["code"])
        value = self.standardise(batch["value"], rows) * batch["numbers"][..., 0]  # 0 where there is no value
        numbers = torch.cat((value.unsqueeze(-1), batch["numbers"]), dim=-1)
        plain = self.plain_sum(rows, value, batch)
        tokens = self.code(rows) + self.answer(batch["answer"]) + self.numbers(numbers)
        tokens = tokens + value.unsqueeze(-1) * self.slope(rows)  # (B, T, inner)
        present = batch["present"]
        if self.notes is not None:
            tokens = torch.cat((tokens, self.notes(batch)), dim=1)
            present = torch.cat((present, batch["arrived"]), dim=1)
        tokens = torch.cat((self.nothing.expand(tokens.shape[0], 1, -1), tokens), dim=1)
        present = torch.cat((torch.ones_like(present[:, :1]), present), dim=1)
        for block in self.blocks:
            tokens = block(tokens, present)
        result: Tensor = self.norm(self.out(self.pool(tokens, present)) + plain)
        return result

    def plain_sum(self, rows: Tensor, value: Tensor, batch: Batch) -> Tensor:
        """Rows and values (B, T) -> (B, D): the sum over the tokens, over the root of their number."""
        there, unit = self.wide
        said = there(rows) + value.unsqueeze(-1) * unit(rows) + self.wide_answer(batch["answer"])  # (B, T, D)
        present = batch["present"].unsqueeze(-1)
        result: Tensor = (said * present).sum(1) / present.sum(1).clamp_min(1).sqrt()
        return result

    def rows(self, hashes: Tensor) -> Tensor:
        """Stable hashes (B, T) -> embedding rows: a known code's own, else one of the shared."""
        found = torch.searchsorted(self.known, hashes).clamp_max(KNOWN - 1)
        return torch.where(self.known[found] == hashes, found, KNOWN + hashes % OTHER)

    def standardise(self, values: Tensor, rows: Tensor) -> Tensor:
        """Values (B, T) -> z-scores by code, within ±5; 0 for codes without statistics."""
        return ((values - self.mean[rows]) * self.scale[rows]).clamp(-_CLIP, _CLIP)
