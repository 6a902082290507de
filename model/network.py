"""The network: encoders of each modality, imputer, cross-modal attention, fusion, heads, and the linear roads."""

import warnings

import torch
from torch import Tensor, nn

from model.attention import CrossModalAttention
from model.block_tokens import BlockTokens
from model.encoders.arrived import NOTES, ImagingModality, vector_rows
from model.encoders.clinical import ClinicalEncoder
from model.encoders.genomic import GenomicModality
from model.encoders.genomic_arrival import GenomicArrival
from model.encoders.imaging import ImagingArrival
from model.features import Batch
from model.fusion import Core, Fusion
from model.heads import Heads, Logits
from model.imputer import Imputer
from model.linear import LinearRoad
from model.tabular import Tabular
from schemas.evidence import Modality
from schemas.manifest import Manifest

MODALITIES = tuple(Modality)
"""The order of the modality axis M everywhere."""


class Network(nn.Module):
    """What one manifest describes. `arrival_*` encode files once; the rest runs at each request.

    Encoded, a modality is E = D + 2 K L + K numbers: its embedding, the scores of the table's K blocks on the plain
    and on the taught road, and which of the blocks it has. Those of other modalities' blocks are 0.
    """

    def __init__(self, manifest: Manifest, generator: torch.Generator) -> None:
        super().__init__()
        sizes, kinds = manifest.sizes, len(vector_rows(manifest))
        self.arrival_imaging = ImagingArrival(sizes.width, manifest.feature_spaces, manifest.backbone_width)
        self.arrival_genomic = GenomicArrival(sizes, manifest.genes, manifest.pathways, manifest.dna_width)
        self.clinical = ClinicalEncoder(sizes.width, notes=NOTES in manifest.encoders)
        self.encoders = nn.ModuleDict(
            {
                Modality.IMAGING.value: ImagingModality(sizes.width, kinds),
                Modality.GENOMIC.value: GenomicModality(sizes.width, kinds),
            }
        )
        self.tabular = Tabular(manifest.table)
        self.block_tokens = BlockTokens(manifest.table, sizes.width)
        self.norm = nn.LayerNorm(sizes.width, elementwise_affine=False)
        self.imputer = Imputer(sizes.width)
        self.attention = CrossModalAttention(sizes.width, sizes.heads, len(MODALITIES))
        self.fusion = Fusion(manifest.fusion, sizes, generator)
        self.heads = Heads(sizes.width, sizes.ensemble, manifest.tasks)
        self.plain, self.taught = LinearRoad(manifest.table, manifest.tasks), LinearRoad(manifest.table, manifest.tasks)

    @property
    def beside(self) -> int:
        """How many numbers ride behind an embedding: 2 K L + K."""
        return self.plain.blocks * (2 * self.plain.scores + 1)

    def embed(self, modality: Modality, batch: Batch) -> Tensor:
        """Features of B patients -> that modality's embedding (B, D)."""
        encoder = self.clinical if modality is Modality.CLINICAL else self.encoders[modality.value]
        deep: Tensor = encoder(batch)
        result: Tensor = self.norm(deep + self.block_tokens(self.tabular(batch), batch["block"]))
        return result

    def encode(self, modality: Modality, batch: Batch) -> Tensor:
        """Features of B patients -> (B, E)."""
        columns = self.tabular(batch)
        scores = (road.score(columns).flatten(1) for road in (self.plain, self.taught))
        return torch.cat((self.embed(modality, batch), *scores, batch["block"].float()), -1)

    def impute(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (B, M, D), present (B, M) -> mean and standard deviation (B, M, D); what is present, exactly."""
        mean, variance = self.imputer(embeddings, present)
        seen = present.unsqueeze(-1)
        return torch.where(seen, embeddings, mean), variance.sqrt().masked_fill(seen, 0.0)

    def decide(self, completed: Tensor, present: Tensor, usable: Tensor, core: Core | None = None) -> Logits:
        """Completed embeddings (N, M, D), present (N, M), usable (M,) -> the heads' logits for N rows.

        `core` stands in for the fusion's own circuit.
        """
        logits: Logits = self.heads(self.fused(completed, present, usable, core))
        return logits

    def fused(self, completed: Tensor, present: Tensor, usable: Tensor, core: Core | None = None) -> Tensor:
        """The same -> what the heads read of N rows (N, D)."""
        features: Tensor = self.fusion(self.attention(completed, present, usable), core)
        return features

    def roads(self, beside: Tensor) -> tuple[Logits, Logits]:
        """What rides behind the embeddings, summed over the present modalities (B, 2 K L + K) -> both roads' logits."""
        blocks, each = self.plain.blocks, self.plain.blocks * self.plain.scores
        plain, taught, flags = torch.split(beside, [each, each, blocks], dim=-1)
        shape = (len(beside), blocks, self.plain.scores)
        return self.plain(plain.reshape(shape), flags > 0), self.taught(taught.reshape(shape), flags > 0)


def network_of(manifest: Manifest, seed: int) -> Network:
    """A network with random weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")  # a task or genes it has not
        torch.default_generator.manual_seed(seed)
        return Network(manifest, torch.Generator().manual_seed(seed))
