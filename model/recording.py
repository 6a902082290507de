"""Encoders that only remember: what the readers give each source, for training the encoders themselves."""

from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from model.encoders.backbones import TileFeatures
from model.encoders.dna_backbones import SequenceFeatures, feature_batches
from model.feature_spaces import of_width, width_of
from model.readers.gene_values import GeneValue
from schemas.evidence import Vector
from schemas.manifest import Sizes

RECORDED = "recorded"
"""Stands for the weights' hash in a vector whose data is a place in the recording."""


class RecordingImaging:
    """An intake `TileEncoder` that keeps an even sample of each image's tiles, and the rows of each bag."""

    def __init__(self, tile_pixels: int, most: int, spaces: Mapping[str, int], eyes: TileFeatures) -> None:
        self.tile_pixels = tile_pixels
        self.spaces = spaces
        self.most = most
        self.eyes = eyes
        self.tiles: list[NDArray[np.float32]] = []
        """Of each image, n <= most: (n, 3, S, S), or behind a frozen backbone (n, F)."""
        self.bags: dict[str, list[NDArray[np.float32]]] = {}
        """Feature space -> of each bag: (n, F), n <= most."""

    def encode_tiles(self, tiles: Iterable[NDArray[np.float32]]) -> Vector:
        """Keep at least one tile of an image; the vector says at which place."""
        kept = torch.from_numpy(np.stack(sampled(tiles, self.most)))
        self.tiles.append(self.eyes.features(kept).numpy())
        return recorded("imaging/cnn", len(self.tiles) - 1)

    def encode_bag(self, chunks: Iterable[NDArray[np.float32]], space: str) -> Vector:
        """Keep rows of a bag; the vector says at which place."""
        width = width_of(space, self.spaces)
        rows = sampled((row for chunk in of_width(chunks, width) for row in chunk), self.most)
        bags = self.bags.setdefault(space, [])
        bags.append(np.stack(rows) if rows else np.zeros((0, width), np.float32))
        return recorded(f"imaging/bag:{space}", len(bags) - 1)


class RecordingGenomic:
    """An intake `GenomicEncoder` that keeps the first pieces of sequence of each source, and its gene values."""

    def __init__(self, most: int, sizes: Sizes, dna: SequenceFeatures) -> None:
        self.most = most
        self.sizes = sizes
        self.dna = dna
        self.sequences: list[tuple[str, ...]] = []
        self.features: list[NDArray[np.float32]] = []
        """Behind a frozen DNA encoder, of each of `sequences`: (n, F)."""
        self.genes: list[dict[str, float]] = []
        """Of each source: `kind:gene` -> value."""

    def encode_sequences(self, chunks: Iterable[str]) -> Vector:
        """Keep pieces of sequence; the vector says at which place."""
        pieces = tuple(islice(chunks, self.most))
        self.sequences.append(pieces)
        if self.dna.tokenizer is not None:
            batches = feature_batches(self.dna, self.dna.tokenizer, pieces, self.sizes)
            rows = [found[present].numpy() for (found,), present in batches]
            self.features.append(np.concatenate([np.zeros((0, self.dna.width), np.float32), *rows]))
        return recorded("genomic/sequence", len(self.sequences) - 1)

    def encode_genes(self, values: Iterable[GeneValue]) -> Vector:
        """Keep gene values; the vector says at which place."""
        self.genes.append({f"{value.kind}:{value.gene}": value.value for value in values})
        return recorded("genomic/genes", len(self.genes) - 1)


def recorded(encoder: str, place: int) -> Vector:
    """A vector that holds a place in the recording."""
    return Vector.pack(encoder, RECORDED, np.array([place], np.float32))


def sampled(rows: Iterable[NDArray[np.float32]], most: int) -> list[NDArray[np.float32]]:
    """At most `most` rows, evenly over a stream of unknown length: where there are too many, every second one goes."""
    kept: list[NDArray[np.float32]] = []
    stride = 1
    for number, row in enumerate(rows):
        if number % stride:
            continue
        if len(kept) == most:
            kept, stride = kept[::2], 2 * stride
            if number % stride:
                continue
        kept.append(row)
    return kept
