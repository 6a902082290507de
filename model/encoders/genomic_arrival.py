"""Molecules when they arrive: sequences through the DNA encoder, gene values through the gene encoder."""

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer
from torch import Tensor, nn

from model.encoders.dna_tokenizer import train_tokenizer
from model.encoders.dnabert import DnaBertConfig, SequenceEncoder
from model.encoders.gene_graph import GeneEncoder
from model.encoders.pathway_table import Edges
from model.encoders.pooling import AttentionPool
from model.encoders.projector import Projector
from schemas.manifest import Sizes

SMALL = DnaBertConfig(vocab=256, hidden=128, layers=2, heads=4, intermediate=256)
"""DNABERT-2's architecture, small enough to train with the rest."""


class GenomicArrival(nn.Module):
    """All that makes the vectors of a sequencing event. The tokenizer is kept beside the weights, as JSON text.

    Behind a frozen DNA encoder of `dna_width` features a row, which has its own tokenizer, a projector stands in place
    of the small encoder.
    """

    def __init__(self, sizes: Sizes, genes: Sequence[str], pathways: Edges, dna_width: int = 0) -> None:
        super().__init__()
        self.sequences = Projector(dna_width, sizes.width) if dna_width else SequenceEncoder(SMALL, sizes.width)
        self.pool = AttentionPool(sizes.width)
        self.norm = nn.LayerNorm(sizes.width, elementwise_affine=False)
        self.genes = GeneEncoder(genes, pathways, sizes.width)
        self.tokenizer_json = learnt_tokenizer(())

    def forward(self, items: Tensor, present: Tensor) -> Tensor:
        """Encoded sequences (B, N, D), present (B, N) bool -> (B, D)."""
        result: Tensor = self.norm(self.pool(items, present))
        return result

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that these weights were trained behind."""
        return Tokenizer.from_str(self.tokenizer_json)


def learnt_tokenizer(sequences: Iterable[str]) -> str:
    """A tokenizer of at most the small encoder's vocabulary; of no sequence at all: single bases."""
    text: str = train_tokenizer(sequences, SMALL.vocab).to_str()
    return text
