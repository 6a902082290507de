"""Patients read together are read as each of them alone, and a batch is filled up with its last patient."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from model.encoders.arrived import encoder_ids
from model.feature_reader import FeatureReader
from model.features import padded
from model.untrained import untrained_manifest
from schemas.evidence import Evidence, Modality, Origin, Vector, evidence
from schemas.tokens import ObservationToken, VariantToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANIFEST = untrained_manifest().model_copy(update={"encoders": dict.fromkeys(encoder_ids({"uni-512": 512}), "w")})


def piece(modality: Modality, number: int, tokens: Sequence[ObservationToken | VariantToken]) -> Evidence:
    vector = Vector.pack("genomic/genes", "w", np.full(MANIFEST.sizes.width, number, np.float32))
    return evidence(
        patient="p",
        modality=modality,
        source=str(number),
        version="1",
        occurred_at=NOON + timedelta(days=number),
        origin=Origin(topic="t", partition=0, offset=0),
        tokens=tokens,
        vectors=[] if modality is Modality.CLINICAL else [vector],
    )


def patient(count: int) -> list[Evidence]:
    """That many observations, variants and vectors, the later ones with flags."""
    flags = ("above-range",) if count > 2 else ()
    days = [NOON - timedelta(days=place) for place in range(count)]
    seen = [ObservationToken(code=f"l|{count}", value=count + 0.1, at=day, flags=flags) for day in days]
    hits = [VariantToken(gene="TP53", change=f"c{count}", assay="ctdna", depth=900, vaf=0.1, at=day) for day in days]
    return [piece(Modality.CLINICAL, 0, seen)] + [piece(Modality.GENOMIC, place, hits) for place in range(count)]


PATIENTS = [patient(count) for count in (3, 0, 1, 70, 2)]


@pytest.mark.parametrize("modality", Modality)
def test_patients_read_together_are_read_as_each_alone(modality: Modality) -> None:
    reader = FeatureReader(MANIFEST)
    together = reader.read(modality, PATIENTS)
    for row, one in enumerate(PATIENTS):
        for name, array in reader.read(modality, [one]).items():
            np.testing.assert_array_equal(together[name][row], array[0], strict=True)


def test_a_batch_is_filled_up_with_its_last_patient() -> None:
    read = FeatureReader(MANIFEST).read(Modality.CLINICAL, PATIENTS)
    filled = padded(read, 8)
    for name, tensor in filled.items():
        np.testing.assert_array_equal(tensor[:5], read[name], strict=True)
        assert all((tensor[row] == tensor[4]).all() for row in (5, 6, 7))
