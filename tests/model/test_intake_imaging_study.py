"""FHIR ImagingStudy in the shapes of R4B and R5, with an encoder that averages bags."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.intake.imaging import read_imaging
from model.intake.imaging_files import ImagingRules
from schemas.errors import Reason, Refused
from schemas.events import FileRef
from schemas.evidence import Vector
from schemas.message import Message, Reading

EXTENSION = "https://oncostream.org/fhir/StructureDefinition/file-"


class Mean:
    """The average of a bag; no pictures come here."""

    tile_pixels = 32

    def encode_tiles(self, tiles: Iterable[NDArray[np.float32]]) -> Vector:
        raise NotImplementedError

    def encode_bag(self, chunks: Iterable[NDArray[np.float32]], space: str) -> Vector:
        return Vector.pack(f"imaging/bag:{space}", "0" * 64, np.concatenate(list(chunks)).mean(axis=0))


class OneFile:
    """Whatever is asked for, and the last reference asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.asked: FileRef | None = None

    @contextmanager
    def open(self, file: FileRef) -> Iterator[Path]:
        self.asked = file
        yield self._path


@pytest.fixture
def files(tmp_path: Path) -> OneFile:
    np.savez(tmp_path / "a.npz", features=np.array([[1.0, 2.0], [3.0, 4.0]]))
    return OneFile(tmp_path / "a.npz")


def study(**fields: object) -> Message:
    """Two series, in the shapes of R4B and of R5; the second has no files."""
    endpoint = {
        **{"resourceType": "Endpoint", "id": "e", "status": "active", "address": "file:///data/a.npz"},
        "payloadMimeType": ["application/x-npz"],
        "extension": [
            {"url": f"{EXTENSION}bytes", "valueUnsignedInt": 12},
            {"url": f"{EXTENSION}sha256", "valueString": "ab" * 32},
            {"url": f"{EXTENSION}encoder", "valueString": "known"},
        ],
    }
    series = [
        {"uid": "1.2.3", "modality": {"code": "CT"}, "endpoint": [{"reference": "#e"}]},
        {"uid": "1.2.4", "modality": {"coding": [{"code": "MR"}]}, "bodySite": {"concept": {"coding": [{}]}}},
    ]
    resource = {
        **{"resourceType": "ImagingStudy", "id": "s", "meta": {"versionId": "3"}, "status": "available"},
        **{"subject": {"reference": "Patient/p-1"}, "started": "2026-03-01T09:12:00Z", "contained": [endpoint]},
        **{"series": series, **fields},
    }
    value = json.dumps(resource).encode()
    return Message("imaging.events", 0, 7, None, value, timestamp=datetime(2026, 3, 1, tzinfo=UTC))


def read(files: OneFile, **fields: object) -> Reading:
    return read_imaging(study(**fields), files, Mean(), ImagingRules())


def test_a_study_gives_what_it_can_and_says_what_it_cannot(files: OneFile) -> None:
    with pytest.raises(Refused) as refused:
        read(files)
    assert refused.value.reason == Reason.NOTHING_TO_READ
    assert [(p.patient, p.source, p.status.value, p.flags) for p in refused.value.evidence] == [
        ("p-1", "series:1.2.3", "current", ("kind-CT",)),
        ("p-1", "series:1.2.4", "unreadable", ("kind-MR",)),
    ]
    assert {piece.version for piece in refused.value.evidence} == {f"v{3:020}"}
    assert files.asked is not None
    assert (files.asked.url, files.asked.bytes, files.asked.sha256) == ("file:///data/a.npz", 12, "ab" * 32)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"status": "cancelled", "contained": []}, ["withdrawn", "withdrawn"], id="cancelled"),
        pytest.param({"status": "registered"}, [], id="nothing-yet"),
        pytest.param(
            {"status": "entered-in-error", "started": None, "meta": {"lastUpdated": "2026-03-02T00:00:00Z"}},
            ["withdrawn", "withdrawn"],
            id="taken-back-without-a-start",
        ),
    ],
)
def test_the_status_of_a_study(files: OneFile, fields: dict[str, object], expected: list[str]) -> None:
    assert [piece.status.value for piece in read(files, **fields).evidence] == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"subject": {"reference": "Group/1"}}, Reason.NO_PATIENT, id="no-patient"),
        pytest.param({"started": None}, Reason.NO_TIME, id="no-time"),
        pytest.param({"contained": []}, Reason.NOT_AN_EVENT, id="endpoint-elsewhere"),
        pytest.param({"status": None}, Reason.NOT_AN_EVENT, id="no-status"),
        pytest.param({"modifierExtension": [{"url": "http://a/not"}]}, Reason.UNSUPPORTED, id="turned-round-perhaps"),
        pytest.param({"status": "entered-in-error", "series": []}, Reason.NOTHING_TO_READ, id="taken-back-unnamed"),
    ],
)
def test_a_study_is_refused(files: OneFile, fields: dict[str, object], reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        read(files, **fields)
    assert refused.value.reason == reason


NO_UID = {"modality": {"code": "CT"}}
NO_MODALITY = {"uid": "1.2.4"}
OF_GROUP = {"subject": {"reference": "Group/1"}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"contained": []}, ["1.2.3", "1.2.4"], id="endpoint-elsewhere"),
        pytest.param({"status": "unknown"}, ["1.2.3", "1.2.4"], id="unknown-status"),
        pytest.param({"contained": "e"}, ["1.2.3", "1.2.4"], id="contained-that-is-no-list"),
        pytest.param({"implicitRules": "http://a/rules"}, ["1.2.3", "1.2.4"], id="under-rules-of-its-own"),
        pytest.param({"series": [NO_UID, NO_MODALITY, "x"]}, ["1.2.4"], id="one-series-named-of-three"),
        pytest.param({"started": None}, [], id="no-time"),
        pytest.param({"contained": "e", **OF_GROUP}, [], id="nor-a-patient"),
        pytest.param({"contained": "e", "meta": {"versionId": 3}}, [], id="nor-a-version"),
    ],
)
def test_a_study_wrong_in_part_leaves_unreadable_pieces_of_its_series(
    files: OneFile, fields: dict[str, object], expected: list[str]
) -> None:
    """One series that was wrong took the others with it, and left nothing that said so."""
    with pytest.raises(Refused) as refused:
        read(files, **fields)
    assert [(p.patient, p.source, p.version, p.status.value) for p in refused.value.evidence] == [
        ("p-1", f"series:{uid}", f"v{3:020}", "unreadable") for uid in expected
    ]


def test_a_series_that_is_wrong_keeps_none_beside_it_from_being_read(files: OneFile) -> None:
    series = [
        {"uid": "1.2.3", "modality": {"code": "CT"}, "endpoint": [{"reference": "#e"}]},
        {"uid": "1.2.4", "modality": {"code": "CT"}, "endpoint": [{"reference": "Endpoint/elsewhere"}]},
        {"uid": "1.2.5", "modality": {"code": "computed tomography"}, "endpoint": [{"reference": "#e"}]},
    ]
    with pytest.raises(Refused, match="not contained") as refused:
        read(files, series=series)
    assert [piece.status.value for piece in refused.value.evidence] == ["current", "unreadable", "unreadable"]


def test_a_patient_of_another_server_is_another_patient(files: OneFile) -> None:
    urls = [f"https://{server}.org/fhir/Patient/p-1" for server in "ab"]
    read_of = [read(files, status="cancelled", subject={"reference": url}).evidence for url in urls]
    assert [piece.patient for pieces in read_of for piece in pieces] == [url for url in urls for _ in range(2)]


def series_with(**fields: object) -> list[dict[str, object]]:
    """A series that can be read, started at nine, and another of these fields."""
    endpoint, ct = [{"reference": "#e"}], {"code": "CT"}
    first: dict[str, object] = {"uid": "1.2.3", "modality": ct, "endpoint": endpoint}
    return [
        first | {"started": "2026-02-01T09:00:00Z"},
        {"uid": "1.2.4", "modality": ct, "endpoint": endpoint, **fields},
    ]


def test_a_series_without_a_start_has_that_of_its_study(files: OneFile) -> None:
    told = [read(files, started=started, series=series_with()).evidence for started in ("2026-01-30T08:00:00Z", None)]
    assert [[piece.occurred_at.isoformat() for piece in pieces] for pieces in told] == [
        ["2026-02-01T09:00:00+00:00", "2026-01-30T08:00:00+00:00"],
        ["2026-02-01T09:00:00+00:00", "2026-02-01T09:00:00+00:00"],
    ]


@pytest.mark.parametrize(("start", "month"), [("2026-02-03", 2), ("2026-03", 3), ("2026", 1)])
def test_a_study_may_have_started_on_a_date(files: OneFile, start: str, month: int) -> None:
    (piece,) = read(files, started=start, series=series_with()[1:]).evidence
    assert (piece.occurred_at.year, piece.occurred_at.month) == (2026, month)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"endpoint": [{"reference": "Endpoint/7"}]}, id="its-files-elsewhere"),
        pytest.param({"modality": {"code": "no such"}}, id="of-no-modality"),
    ],
)
def test_a_bad_series_costs_its_good_neighbours_nothing(files: OneFile, fields: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        read(files, series=series_with(**fields))
    statuses = {piece.source: piece.status.value for piece in refused.value.evidence}
    assert refused.value.reason == Reason.NOT_AN_EVENT
    assert statuses == {"series:1.2.3": "current", "series:1.2.4": "unreadable"}


def test_a_structure_set_is_a_series_as_dicom_codes_it(files: OneFile) -> None:
    told = read(files, series=series_with(modality={"code": "RTSTRUCT"})).evidence
    assert [piece.flags for piece in told] == [("kind-CT",), ("kind-RTSTRUCT",)]
