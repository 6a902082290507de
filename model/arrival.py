"""The arrival-time encoders as intake uses them: files in, one vector out, with the memory of one batch."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.batches import fixed_batches
from model.encoders.backbones import OwnCnn, TileFeatures, backbone
from model.encoders.dna_backbones import OwnDna, SequenceFeatures, dna_backbone, feature_batches
from model.encoders.plain_part import PLAIN
from model.encoders.pooling import AttentionPool
from model.feature_spaces import of_width, width_of
from model.network import Network
from model.readers.gene_values import GeneValue
from model.weights import encoder_hashes, load_network
from schemas.evidence import Vector
from schemas.manifest import Manifest

_Found = TypeVar("_Found", TileFeatures, SequenceFeatures)
BAG_BATCH = 32
"""Rows of a feature bag that are encoded at once."""


class ImagingEncoder:
    """Tiles or feature bags to a vector, whatever chunks they come in: an intake `TileEncoder`."""

    def __init__(self, network: Network, manifest: Manifest, eyes: TileFeatures | None = None) -> None:
        """`eyes`: the backbone that the manifest names; None for its own CNN. ValueError where it is another."""
        self._eyes = required(eyes or OwnCnn(), "backbone", manifest.backbone, manifest.backbone_sha256)
        self.tile_pixels = manifest.sizes.tile_pixels
        self._arrival = network.arrival_imaging.eval()
        self._sizes = manifest.sizes
        self._spaces = dict(sorted(manifest.feature_spaces.items()))
        self._hashes = encoder_hashes(network, manifest)

    def encode_tiles(self, tiles: Iterable[NDArray[np.float32]]) -> Vector:
        """Tiles, each (3, S, S) float32 within 0..1, S = `tile_pixels` -> their vector."""
        batches = fixed_batches((tile[None] for tile in tiles), self._sizes.tile_batch)
        return self._pack("imaging/cnn", ((*self._tiles(rows), present) for rows, present in batches))

    def encode_bag(self, chunks: Iterable[NDArray[np.float32]], space: str) -> Vector:
        """Chunks (n, F) of one bag in the named feature space -> its vector; Refused where it is not known."""
        width = width_of(space, self._spaces)
        place = list(self._spaces).index(space)
        batches = fixed_batches(of_width(chunks, width), BAG_BATCH)
        return self._pack(f"imaging/bag:{space}", ((*self._bag(rows, place), present) for rows, present in batches))

    @torch.inference_mode()
    def _tiles(self, rows: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        seen = self._eyes.features(torch.from_numpy(rows))
        return self._arrival.tiles(seen), self._arrival.tiles.plain_part(seen)

    @torch.inference_mode()
    def _bag(self, rows: NDArray[np.float32], place: int) -> tuple[Tensor, Tensor]:
        features, space = torch.from_numpy(rows), self._arrival.space(place)
        return space(features), space.plain_part(features)

    @torch.inference_mode()
    def _pack(self, encoder: str, batches: Iterable[tuple[Tensor, Tensor, NDArray[np.bool_]]]) -> Vector:
        mean = RunningMean(PLAIN)
        items = ((mean.pass_on(rows, plain, torch.from_numpy(present))) for rows, plain, present in batches)
        pooled = pool_stream(self._arrival.pool, items, self._sizes.width)
        vector = self._arrival.vector(pooled, mean.value())
        return Vector.pack(encoder, self._hashes[encoder], vector[0].numpy())


class MolecularEncoder:
    """Sequences and gene values to vectors: an intake `GenomicEncoder`."""

    def __init__(self, network: Network, manifest: Manifest, dna: SequenceFeatures | None = None) -> None:
        """`dna`: the encoder that the manifest names; None for the network's own. ValueError where it is another."""
        self._dna = required(dna or OwnDna(), "DNA encoder", manifest.dna, manifest.dna_sha256)
        self._arrival = network.arrival_genomic.eval()
        self._sizes = manifest.sizes
        self._tokenizer = self._arrival.tokenizer() if self._dna.tokenizer is None else self._dna.tokenizer
        self._genes = {name: place for place, name in enumerate(manifest.genes)}
        self._hashes = encoder_hashes(network, manifest)

    def encode_sequences(self, chunks: Iterable[str]) -> Vector:
        """Bases of any number of sequences -> their vector."""
        batches = feature_batches(self._dna, self._tokenizer, chunks, self._sizes)
        items = ((self._sequences(*features), present) for features, present in batches)
        pooled = self._arrival.norm(pool_stream(self._arrival.pool, items, self._sizes.width))
        name = "genomic/sequence"
        return Vector.pack(name, self._hashes[name], pooled[0].detach().numpy())

    @torch.inference_mode()
    def encode_genes(self, values: Iterable[GeneValue]) -> Vector:
        """Gene values, those in the manifest's list -> their vector."""
        numbers, measured = gene_arrays(values, self._genes)
        encoded = self._arrival.genes(torch.from_numpy(numbers)[None], torch.from_numpy(measured)[None])
        name = "genomic/genes"
        return Vector.pack(name, self._hashes[name], encoded[0].numpy())

    @torch.inference_mode()
    def _sequences(self, *features: Tensor) -> Tensor:
        encoded: Tensor = self._arrival.sequences(*features)
        return encoded


class RunningMean:
    """The mean of the plain parts of a stream of items, chunk by chunk."""

    def __init__(self, width: int) -> None:
        self._total, self._count = torch.zeros(1, width), 0

    def pass_on(self, items: Tensor, plain: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Count the plain parts (N, W) of what is present; give back items (N, D) and present (N,) as they came."""
        self._total = self._total + (plain * present.unsqueeze(-1)).sum(0, keepdim=True)
        self._count += int(present.sum())
        return items, present

    def value(self) -> Tensor:
        """(1, W); zeros of nothing."""
        return self._total / max(self._count, 1)


@torch.inference_mode()
def pool_stream(pool: AttentionPool, items: Iterable[tuple[Tensor, Tensor]], width: int) -> Tensor:
    """Batches of items (N, D) and present (N,) -> (1, D) pooled with a running softmax."""
    state = pool.begin(1, width)
    for rows, present in items:
        state = pool.add(state, rows[None], present[None])
    return pool.finish(state)


def gene_arrays(genes: Iterable[GeneValue], places: dict[str, int]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values (G,) float32 and measured (G,) bool in the order of `places` (`kind:gene` -> place)."""
    values, measured = np.zeros(len(places), np.float32), np.zeros(len(places), np.bool_)
    for gene in genes:
        place = places.get(f"{gene.kind}:{gene.gene}")
        if place is not None:
            values[place], measured[place] = np.clip(gene.value, -1e30, 1e30), True
    return values, measured


def required(found: _Found, what: str, name: str, sha256: str) -> _Found:
    """What was found, if it is the one that the network was trained behind; else ValueError with a remedy."""
    if (found.name, found.sha256) != (name, sha256):
        wanted = f"{name} {sha256[:12]}"
        raise ValueError(
            f"the {what} is {found.name} {found.sha256[:12]}, the network was trained behind {wanted}; use that one"
        )
    return found


def load_encoders(folder: Path, backbones: Path | None = None) -> tuple[ImagingEncoder, MolecularEncoder]:
    """The arrival-time encoders of a network's folder, what is frozen from `backbones`; ValueError with a remedy."""
    network, manifest = load_network(folder)
    eyes, dna = backbone(manifest.backbone, backbones), dna_backbone(manifest.dna, backbones)
    return ImagingEncoder(network, manifest, eyes), MolecularEncoder(network, manifest, dna)
