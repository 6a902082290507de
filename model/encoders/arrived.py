"""Vectors made when files arrived, as numbers of fixed shape, and the layer that reads them into a modality."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import torch
from torch import Tensor, nn

from model.encoders.pooling import AttentionPool
from model.features import Batch, Features, filled, places_of
from schemas.evidence import Evidence, Vector
from schemas.manifest import Manifest

VECTORS = 16
"""The newest so many vectors of a modality enter."""
_DAY = timedelta(days=1)
NOTES = "clinical/notes"
"""The encoder of notes. Its weights are in a folder of their own, and only some networks are trained behind one."""


def encoder_ids(feature_spaces: Mapping[str, int]) -> tuple[str, ...]:
    """Every arrival-time encoder that is part of a network with these feature spaces, in the order of their rows."""
    return (
        "genomic/genes",
        "genomic/sequence",
        "imaging/cnn",
        *(f"imaging/bag:{name}" for name in sorted(feature_spaces)),
    )


def vector_rows(manifest: Manifest) -> tuple[str, ...]:
    """Every encoder whose vectors this network reads, in the order of their rows: its own, and that of notes."""
    return encoder_ids(manifest.feature_spaces) + ((NOTES,) if NOTES in manifest.encoders else ())


def vector_features(
    patients: Sequence[Sequence[Evidence]], encoders: Mapping[str, str], rows: Sequence[str], width: int
) -> Features:
    """The newest VECTORS vectors of each patient's pieces, oldest first, from encoders this network was trained behind.

    vectors (B, VECTORS, D) float32; kind (B, VECTORS) int64, the encoder's place in `rows`; ago (B, VECTORS) float32,
    log days before the newest of them; arrived (B, VECTORS) bool.
    """
    all_known = [
        [(piece.occurred_at, one) for piece in pieces for one in piece.vectors if _known(one, encoders, rows)]
        for pieces in patients
    ]
    known = [each[-VECTORS:] for each in all_known]
    arrived = places_of(known, VECTORS)
    vectors = [vector.unpack() for each in known for _, vector in each]
    return {
        "vectors": filled(arrived, np.reshape(vectors, (-1, width))),
        "kind": filled(arrived, [rows.index(vector.encoder) for each in known for _, vector in each], np.int64),
        "ago": filled(arrived, [ago for each in known for ago in _log_days([at for at, _ in each])]),
        "arrived": arrived,
    }


def _log_days(moments: Sequence[datetime]) -> list[float]:
    newest = max(moments, default=None)
    return [math.log1p((newest - moment) / _DAY) for moment in moments] if newest else []


def _known(vector: Vector, encoders: Mapping[str, str], rows: Sequence[str]) -> bool:
    return vector.encoder in rows and encoders.get(vector.encoder) == vector.weights


class ArrivedVectors(nn.Module):
    """Give each vector the mark of its encoder and of its age: batch of `vector_features` -> items (B, VECTORS, D).

    Age scales a second projection of the vector. A pool is a mean: were age only added, two series could not tell
    growth from shrinkage, and so an older vector can count against a newer one. It starts at zero.
    """

    def __init__(self, width: int, kinds: int) -> None:
        super().__init__()
        self.kind = nn.Embedding(kinds, width)
        self.project = nn.Linear(width, width)
        self.aged = nn.Linear(width, width)
        nn.init.zeros_(self.aged.weight)
        nn.init.zeros_(self.aged.bias)

    def forward(self, batch: Batch) -> Tensor:
        """Batch -> (B, VECTORS, D)."""
        items: Tensor = self.project(batch["vectors"]) + self.kind(batch["kind"])
        items = items + batch["ago"].unsqueeze(-1) * self.aged(batch["vectors"])
        return items


class NoteTokens(nn.Module):
    """Notes as tokens of the clinical set: batch of `vector_features` -> (B, VECTORS, I)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.reader = nn.Linear(width, inner)
        self.ago = nn.Linear(1, inner, bias=False)

    def forward(self, batch: Batch) -> Tensor:
        """Batch -> (B, VECTORS, I)."""
        tokens: Tensor = self.reader(batch["vectors"]) + self.ago(batch["ago"].unsqueeze(-1))
        return tokens


class ImagingModality(nn.Module):
    """All of a patient's images over time: attention over their vectors, batch of `vector_features` -> (B, D)."""

    def __init__(self, width: int, kinds: int) -> None:
        super().__init__()
        self.arrived = ArrivedVectors(width, kinds)
        self.pool = AttentionPool(width)
        self.nothing = nn.Parameter(torch.zeros(width))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)

    def forward(self, batch: Batch) -> Tensor:
        """Batch -> (B, D)."""
        items = self.arrived(batch)
        items = torch.cat((self.nothing.expand(items.shape[0], 1, -1), items), dim=1)
        there = torch.cat((torch.ones_like(batch["arrived"][:, :1]), batch["arrived"]), dim=1)
        result: Tensor = self.norm(self.pool(items, there))
        return result
