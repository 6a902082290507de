"""The network: encoders of each modality, imputer, cross-modal attention, fusion, heads, joined in one module."""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.attention import CrossModalAttention
from model.encoders.arrived import ImagingModality, encoder_ids, vector_features
from model.encoders.clinical import ClinicalEncoder
from model.encoders.clinical_tokens import clinical_features
from model.encoders.ctdna_draws import draw_features
from model.encoders.genomic import GenomicModality
from model.encoders.genomic_arrival import GenomicArrival
from model.encoders.imaging import ImagingArrival
from model.encoders.variant_tokens import variant_features
from model.features import Batch, Features
from model.fusion import Fusion
from model.heads import Heads, Logits
from model.imputer import Imputer
from model.linear import LinearRoad
from schemas.evidence import Evidence, Modality
from schemas.manifest import Manifest

MODALITIES = tuple(Modality)
"""The order of the modality axis M everywhere."""


class Network(nn.Module):
    """What one manifest describes. `arrival_*` encode files once; the rest runs at each request."""

    def __init__(self, manifest: Manifest, generator: torch.Generator) -> None:
        super().__init__()
        sizes, kinds = manifest.sizes, len(encoder_ids(manifest.feature_spaces))
        self.arrival_imaging = ImagingArrival(sizes.width, manifest.feature_spaces)
        self.arrival_genomic = GenomicArrival(sizes, manifest.genes, manifest.pathways)
        self.clinical = ClinicalEncoder(sizes.width)
        self.encoders = nn.ModuleDict(
            {
                Modality.IMAGING.value: ImagingModality(sizes.width, kinds),
                Modality.GENOMIC.value: GenomicModality(sizes.width, kinds),
            }
        )
        self.imputer = Imputer(sizes.width)
        self.attention = CrossModalAttention(sizes.width, sizes.heads, len(MODALITIES))
        self.fusion = Fusion(manifest.fusion, sizes, generator)
        self.heads = Heads(sizes.width, sizes.ensemble, manifest.tasks)
        self.linear = LinearRoad(sizes.width, kinds, manifest.tasks)

    def embed(self, modality: Modality, batch: Batch) -> Tensor:
        """Features of B patients -> that modality's embedding (B, D)."""
        encoder = self.clinical if modality is Modality.CLINICAL else self.encoders[modality.value]
        result: Tensor = encoder(batch)
        return result

    def encode(self, modality: Modality, batch: Batch) -> Tensor:
        """Features of B patients -> (B, D + L): that modality's embedding, and its scores on the linear road."""
        return torch.cat((self.embed(modality, batch), self.linear.score(modality, batch, self.clinical)), -1)

    def impute(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (B, M, D), present (B, M) -> mean and standard deviation (B, M, D); what is present, exactly."""
        mean, variance = self.imputer(embeddings, present)
        seen = present.unsqueeze(-1)
        return torch.where(seen, embeddings, mean), variance.sqrt().masked_fill(seen, 0.0)

    def decide(self, completed: Tensor, present: Tensor, usable: Tensor) -> Logits:
        """Completed embeddings (N, M, D), present (N, M), usable (M,) -> the heads' logits for N rows."""
        logits: Logits = self.heads(self.fusion(self.attention(completed, present, usable)))
        return logits


def network_of(manifest: Manifest, seed: int) -> Network:
    """A network with random weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")  # a task or genes it has not
        torch.default_generator.manual_seed(seed)
        return Network(manifest, torch.Generator().manual_seed(seed))


def features_of(modality: Modality, evidence: Sequence[Evidence], manifest: Manifest) -> Features:
    """One patient's evidence of that modality as arrays, what this network can read of it."""
    pieces = [piece for piece in evidence if piece.modality is modality]
    if modality is Modality.CLINICAL:
        return clinical_features(pieces, manifest.sizes.clinical_tokens)
    rows = encoder_ids(manifest.feature_spaces)
    vectors = vector_features(pieces, manifest.encoders, rows, manifest.sizes.width)
    if modality is Modality.IMAGING:
        return vectors
    return vectors | variant_features(pieces, manifest.sizes.variant_tokens) | draw_features(pieces)
