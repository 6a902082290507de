import base64
import hashlib
import json
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.evidence import Evidence, EvidenceStatus, Modality, Origin, Vector, evidence
from schemas.tokens import ObservationToken, VariantToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HAEMOGLOBIN = ObservationToken(code="http://loinc.org|718-7", value=13.2, unit="g/dL", at=NOON)
VARIANT = VariantToken(gene="TP53", change="17:7674220:C>T", vaf=0.41, depth=210, mutant_reads=0, at=NOON)
PLAIN: dict[str, Any] = {
    "patient": "p-1",
    "modality": Modality.CLINICAL,
    "source": "Observation/1",
    "version": "v1",
    "occurred_at": NOON,
    "origin": Origin(topic="fhir.observations", partition=0, offset=1),
    "tokens": [HAEMOGLOBIN],
    "flags": ["b", "a", "a"],
}


def test_the_same_evidence_from_another_record_has_the_same_hash() -> None:
    elsewhere = {**PLAIN, "origin": Origin(topic="fhir.observations", partition=9, offset=999)}
    assert evidence(**PLAIN).hash == evidence(**elsewhere).hash


@pytest.mark.parametrize(
    "change",
    [
        {"occurred_at": NOON.astimezone(timezone(timedelta(hours=9)))},
        {"flags": ["a", "b"]},
        {"tokens": [HAEMOGLOBIN.model_copy(update={"at": NOON.astimezone(timezone(timedelta(hours=-5)))})]},
    ],
    ids=["time-zone", "order-of-flags", "time-zone-of-a-token"],
)
def test_the_same_said_in_another_way_has_the_same_hash(change: dict[str, Any]) -> None:
    change = {
        key: [ObservationToken(**t.model_dump()) for t in v] if key == "tokens" else v for key, v in change.items()
    }
    assert evidence(**PLAIN | change).hash == evidence(**PLAIN).hash


@pytest.mark.parametrize(
    "change",
    [
        {"patient": "p-2"},
        {"modality": Modality.GENOMIC},
        {"source": "Observation/2"},
        {"version": "v2"},
        {"occurred_at": NOON + timedelta(microseconds=1)},
        {"status": EvidenceStatus.WITHDRAWN},
        {"flags": ["a"]},
        {"tokens": [HAEMOGLOBIN.model_copy(update={"value": 13.200000000000001})]},
        {"tokens": [HAEMOGLOBIN, VARIANT]},
        {"vectors": [Vector.pack("imaging/cnn", "w", np.zeros(2, np.float32))]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_that_is_said_is_hashed(change: dict[str, Any]) -> None:
    assert evidence(**PLAIN | change).hash != evidence(**PLAIN).hash


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=8))
def test_a_vector_comes_back_as_it_went(values: list[float]) -> None:
    packed = Vector.pack("imaging/cnn", "w", np.array(values, dtype=np.float32))
    assert packed.unpack().tolist() == values
    assert base64.b64decode(packed.data) == struct.pack(f"<{len(values)}f", *values)


def test_a_big_endian_array_is_packed_little_endian() -> None:
    big = np.array([1.5, -2.0], dtype=">f4")
    assert Vector.pack("e", "w", big).unpack().tolist() == [1.5, -2.0]


@pytest.mark.parametrize("status", list(EvidenceStatus))
def test_evidence_comes_back_from_json_as_it_went(status: EvidenceStatus) -> None:
    piece = evidence(
        **PLAIN
        | {
            "status": status,
            "tokens": [HAEMOGLOBIN, VARIANT],
            "vectors": [Vector.pack("e", "w", np.ones(3, np.float32))],
        }
    )
    back = Evidence.model_validate_json(piece.to_json())
    assert back == piece
    assert [type(token) for token in back.tokens] == [ObservationToken, VariantToken]
    parts = {name: getattr(back, name) for name in Evidence.model_fields if name not in ("reread", "hash")}
    assert back.hash == evidence(**parts).hash


def test_what_has_its_default_is_not_written() -> None:
    bare = evidence(**PLAIN | {"flags": [], "tokens": []})
    assert set(json.loads(bare.to_json())) == {
        "patient", "modality", "source", "version", "occurred_at", "origin", "hash",
    }  # fmt: skip


@pytest.mark.parametrize("wrong", [{"occured_at": "2026-03-01T12:00:00Z"}, {"occurred_at": "2026-03-01T12:00:00"}])
def test_a_misspelt_field_and_a_time_without_a_zone_are_errors(wrong: dict[str, str]) -> None:
    content = json.loads(evidence(**PLAIN).to_json()) | wrong
    with pytest.raises(ValidationError):
        Evidence.model_validate_json(json.dumps(content))


def test_the_hash_is_that_of_what_is_said_in_canonical_json_whatever_has_its_default_left_out() -> None:
    """What is stored was hashed so: another hash would ask for every patient again."""
    vector = Vector.pack("imaging/cnn", "w", np.zeros(1, np.float32))
    content: dict[str, Any] = {
        "patient": "p-1", "modality": "clinical", "source": "Observation/1", "version": "v1", "flags": ["a", "b"],
        "occurred_at": "2026-03-01T12:00:00Z",
        "tokens": [{"code": "http://loinc.org|718-7", "value": 13.2, "unit": "g/dL", "at": "2026-03-01T12:00:00Z"}],
        "vectors": [{"encoder": "imaging/cnn", "weights": "w", "data": "AAAAAA=="}],
    }  # fmt: skip
    hashed = hashlib.sha256(rfc8785.dumps(content)).hexdigest()
    assert evidence(**PLAIN | {"vectors": [vector], "status": EvidenceStatus.CURRENT}).hash == hashed


def test_the_key_names_patient_modality_and_source_and_no_two_patients_share_one() -> None:
    assert evidence(**PLAIN).key == "p-1|clinical|Observation/1"
    assert evidence(**PLAIN | {"patient": "50%|a"}).key == "50%25%7Ca|clinical|Observation/1"
