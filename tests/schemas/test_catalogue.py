import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from schemas.catalogue import write_schemas
from schemas.dead_letter import DeadLetter
from schemas.envelope import envelope
from schemas.errors import Reason
from schemas.evidence import Modality, Origin, Vector, evidence
from schemas.message import Message
from schemas.picture import Absence
from schemas.request import Cause, History, Request, Status
from schemas.result import Content, Diagnosis, Provenance, Survival, result_of
from schemas.tokens import ObservationToken, VariantToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILE = {"url": "file:///a.dcm", "media_type": "application/dicom", "bytes": 5, "sha256": "ab" * 32}
HISTORY = History(revision=1, status=Status.FINAL, cause=Cause.QUORUM)
PIECE = evidence(
    patient="p",
    modality=Modality.GENOMIC,
    source="s:panel",
    version="t",
    occurred_at=NOON,
    origin=Origin(topic="sequencing.events", partition=0, offset=1),
    tokens=[ObservationToken(code="http://loinc.org|718-7", value=1.5, at=NOON), VariantToken(change="TMB", at=NOON)],
    vectors=[Vector.pack("genomic/genes", "cd" * 32, np.zeros(2, np.float32))],
)
LETTER = DeadLetter(Reason.NOT_JSON, "send JSON", "imaging.events", 0, 7, "imaging", "0.1.0", 1, NOON, NOON)


def result_json() -> bytes:
    content = Content(
        id="r",
        patient="p",
        asked_at=NOON,
        evidence=(),
        imputed=(Modality.IMAGING,),
        missing={Modality.IMAGING: Absence.STALE},
        diagnosis=Diagnosis(probabilities={"A": 1.0}, conformal_set=("A",), alpha=0.1, threshold=0.85),
        prognosis={
            "OS": Survival(
                edges_days=(1.0,), survival=(0.9,), risk={}, median_days=None, median_interval_days=(None, None)
            )
        },
        provenance=Provenance(
            model="m", weights_sha256="", settings_sha256="", intended_use="", quantum_backend="", quantum_reason=""
        ),
    )
    return result_of(content, HISTORY).to_json()


RECORDS: dict[str, Any] = {
    "imaging-event": {
        "id": "1",
        "patient": "p",
        "occurred_at": "2026-03-01T09:12:00Z",
        "study": "1.2",
        "series": "1.3",
        "kind": "CT",
        "files": [FILE],
    },
    "sequencing-event": {
        "id": "1",
        "patient": "p",
        "occurred_at": "2026-03-01T09:12:00Z",
        "specimen": "s",
        "assay": "ctdna",
        "files": [{"inline": "QUJD", "media_type": "text/x-vcf"}],
    },
    "evidence": json.loads(PIECE.to_json()),
    "request": json.loads(
        Request(id="r", patient="p", model="m", evidence=(PIECE,), missing={}, history=HISTORY, asked_at=NOON).to_json()
    ),
    "result": json.loads(result_json()),
    "dead-letter-headers": {name: value.decode() for name, value in [("ce_id", b"9f"), *LETTER.to_headers()]},
}
WRONG = {
    "imaging-event": {"kind": "ct scan"},
    "sequencing-event": {"assay": "exome"},
    "evidence": {"modality": "proteomic"},
    "request": {"surprise": 1},
    "result": {"content_sha256": None},
    "dead-letter-headers": {"dead_letter_attempts": "twice"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("catalogue") / "new"
    assert {path.name for path in write_schemas(out)} == {path.name for path in out.iterdir()}
    return out


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.schema.json").read_text())


@pytest.mark.parametrize("name", RECORDS)
def test_a_schema_is_one_and_takes_the_record_as_it_is_written(folder: Path, name: str) -> None:
    schema = read(folder, name)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(RECORDS[name])


@pytest.mark.parametrize("name", RECORDS)
def test_a_wrong_record_is_told_from_a_right_one(folder: Path, name: str) -> None:
    validator = Draft202012Validator(read(folder, name))
    assert not validator.is_valid(RECORDS[name] | WRONG[name])
    assert not any(validator.is_valid({k: v for k, v in RECORDS[name].items() if k != key}) for key in always(name))


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_says_what_it_means(folder: Path, name: str) -> None:
    schema = read(folder, name)
    records = [schema, *schema.get("$defs", {}).values()]
    silent = [
        field for each in records for field, said in each.get("properties", {}).items() if not said.get("description")
    ]
    assert silent == []


def always(name: str) -> set[str]:
    """Fields without which a record is none; a result is written with every field."""
    if name == "result":
        return set(RECORDS[name])
    return {"evidence": {"hash"}, "request": {"history"}}.get(name, set())


def refs(value: Any) -> list[str]:
    if isinstance(value, list):
        return [ref for item in value for ref in refs(item)]
    if not isinstance(value, dict):
        return []
    return [value["$ref"]] if "$ref" in value else refs(list(value.values()))


def resolve(document: Any, pointer: str) -> Any:
    for part in pointer.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_every_reference_of_the_asyncapi_document_resolves(folder: Path) -> None:
    document = json.loads((folder / "asyncapi.json").read_text())
    found = refs(document)
    assert found
    for ref in found:
        if ref.startswith("#/"):
            assert resolve(document, ref), ref
        else:
            assert (folder / ref).exists(), ref


def test_the_asyncapi_document_has_the_eight_topics_and_every_operation_a_channel(folder: Path) -> None:
    document = json.loads((folder / "asyncapi.json").read_text())
    assert document["asyncapi"].startswith("3.0")
    assert {channel["address"] for channel in document["channels"].values()} == {
        "fhir.observations",
        "imaging.events",
        "sequencing.events",
        "oncology.evidence",
        "oncology.requests",
        "oncology.results",
        "oncology.fhir",
        "oncology.dead-letters",
    }
    used = {resolve(document, op["channel"]["$ref"])["address"] for op in document["operations"].values()}
    assert len(used) == 8
    assert {op["action"] for op in document["operations"].values()} == {"send", "receive"}


@pytest.mark.parametrize(
    ("message", "kind"),
    [("evidence", "evidence"), ("request", "request"), ("result", "result"), ("fhirBundle", "fhir")],
)
def test_the_headers_we_write_are_those_described(folder: Path, message: str, kind: str) -> None:
    document = json.loads((folder / "asyncapi.json").read_text())
    validator = Draft202012Validator(document["components"]["schemas"][f"{message}Headers"])
    cause = Message("imaging.events", 0, 7, None, None, timestamp=NOON)
    written = envelope(kind=kind, identity="i", subject="p", role="fhir", cause=cause, now=NOON)
    headers = {name: value.decode() for name, value in written}
    validator.validate(headers)
    assert not validator.is_valid(headers | {"ce_type": "org.oncostream.other.v1"})
