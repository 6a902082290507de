"""The genomic modality: a set of variants, a series of ctDNA draws, and the vectors of sequences and gene values."""

import torch
from torch import Tensor, nn

from model.encoders.arrived import ArrivedVectors
from model.encoders.ctdna import DrawSeries
from model.encoders.pooling import AttentionPool
from model.encoders.variant_tokens import ASSAYS, CONSEQUENCES, GENES, NUMBERS
from model.features import Batch


class VariantEncoder(nn.Module):
    """Each variant by itself: batch of `variant_features` -> items (B, V, D)."""

    def __init__(self, width: int, inner: int = 64) -> None:
        super().__init__()
        self.gene = nn.Embedding(GENES, inner)
        self.consequence = nn.Embedding(CONSEQUENCES, inner)
        self.assay = nn.Embedding(ASSAYS, inner)
        self.numbers = nn.Linear(NUMBERS, inner)
        self.mix = nn.Sequential(nn.GELU(), nn.Linear(inner, inner), nn.GELU(), nn.Linear(inner, width))
        self.wide = nn.Embedding(GENES, width)
        nn.init.normal_(self.wide.weight, std=0.05)

    def forward(self, batch: Batch) -> Tensor:
        """Batch -> (B, V, D)."""
        named = self.gene(batch["gene"]) + self.consequence(batch["consequence"])
        items: Tensor = self.mix(named + self.assay(batch["assay"]) + self.numbers(batch["numbers"]))
        return items

    def plain_sum(self, batch: Batch) -> Tensor:
        """Batch -> (B, D): a sum over the genes hit, which attention, a mean, would water down."""
        hit = (batch["hit"] & batch["shown"]).unsqueeze(-1)
        result: Tensor = (self.wide(batch["gene"]) * hit).sum(1)
        return result


class GenomicModality(nn.Module):
    """All of a patient's molecules: the mean of what its variants, its arrived vectors and its ctDNA say.

    Batch of `variant_features`, `vector_features` and `draw_features` -> (B, D).
    Each part is pooled by attention with a learned `nothing` beside it: no variant found is an answer too, no draw is
    not the same as a draw without a mutant read.
    """

    def __init__(self, width: int, kinds: int) -> None:
        super().__init__()
        self.variants = VariantEncoder(width)
        self.arrived = ArrivedVectors(width, kinds)
        self.draws = DrawSeries(width)
        self.nothing = nn.Parameter(torch.zeros(3, width))
        self.pools = nn.ModuleList([AttentionPool(width) for _ in self.nothing])
        self.norm = nn.LayerNorm(width, elementwise_affine=False)

    def forward(self, batch: Batch) -> Tensor:
        """Batch -> (B, D)."""
        parts = (
            (self.variants(batch), batch["shown"]),
            (self.arrived(batch), batch["arrived"]),
            (self.draws(batch), batch["drawn"]),
        )
        pooled = torch.zeros_like(batch["vectors"][:, 0])
        for (items, there), nothing, pool in zip(parts, self.nothing, self.pools, strict=True):
            items = torch.cat((nothing.expand(items.shape[0], 1, -1), items), dim=1)
            there = torch.cat((torch.ones_like(there[:, :1]), there), dim=1)
            pooled = pooled + pool(items, there)
        result: Tensor = self.norm(pooled / len(parts) + self.variants.plain_sum(batch))
        return result
