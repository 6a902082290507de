"""Imaging messages to evidence, with an encoder that averages: what is read, withdrawn, or refused."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from typing import Any
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
from dicom_slide import wsi
from numpy.typing import NDArray
from pydicom.uid import SecondaryCaptureImageStorage

from model.intake.imaging import read_imaging
from model.intake.imaging_files import ImagingRules
from model.readers.dicom_header import DicomLimits
from model.readers.slide import SlideRules
from schemas.errors import Reason, Refused, Unavailable
from schemas.events import FileRef
from schemas.evidence import Evidence, EvidenceStatus, Vector
from schemas.message import Message

DICOM = Path(__file__).parents[3] / "shared" / "data" / "dicom"
RULES = ImagingRules()

needs_data = pytest.mark.skipif(not DICOM.is_dir(), reason="real data lie beside the project, and are absent")


class Mean:
    """The average of what comes, so that a test can say what a vector must be."""

    tile_pixels = 32

    def encode_tiles(self, tiles: Iterable[NDArray[np.float32]]) -> Vector:
        means = [tile.mean() for tile in tiles]
        return Vector.pack("imaging/mean", "0" * 64, np.array([len(means), np.mean(means)], np.float32))

    def encode_bag(self, chunks: Iterable[NDArray[np.float32]], space: str) -> Vector:
        if space != "known":
            raise Refused(Reason.UNKNOWN_FEATURES, "a space that this encoder does not know")
        return Vector.pack(f"imaging/bag:{space}", "0" * 64, np.concatenate(list(chunks)).mean(axis=0))


class Folder:
    """Files by their URL; all others are away."""

    def __init__(self, **paths: Path) -> None:
        self._paths = paths

    @contextmanager
    def open(self, file: FileRef) -> Iterator[Path]:
        name = (file.url or "").rpartition("/")[2].partition(".")[0]
        if name not in self._paths:
            raise Unavailable("the store is away")
        yield self._paths[name]


def file_of(name: str, media_type: str, **more: object) -> dict[str, object]:
    return {"url": f"file:///data/{name}", "media_type": media_type, "bytes": 1, "sha256": "0" * 64, **more}


def message(**fields: object) -> Message:
    event = {
        **{"id": "e-1", "patient": "p-1", "occurred_at": "2026-03-01T09:12:00Z", "study": "1.2", "series": "1.2.3"},
        **{"kind": "CT", "files": [file_of("a.npz", "application/x-npz", encoder="known")]},
        **fields,
    }
    return raw(json.dumps({name: value for name, value in event.items() if value is not None}).encode())


def raw(value: bytes | None) -> Message:
    return Message("imaging.events", 0, 7, None, value, timestamp=datetime(2026, 3, 1, tzinfo=UTC))


def doubled(sent: Message, key: str, value: str = "Jane") -> Message:
    """The message with one of its keys a second time, before the first: JSON readers take the last."""
    return raw((sent.value or b"").replace(f'"{key}": '.encode(), f'"{key}": "{value}", "{key}": '.encode(), 1))


STUDY = b'{"resourceType": "ImagingStudy", "subject": {"reference": "Patient/p-1"}}'


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    np.savez(tmp_path / "a.npz", features=np.array([[1.0, 2.0], [3.0, 4.0]]))
    return tmp_path / "a.npz"


def read_one(folder: Folder, rules: ImagingRules = RULES, **fields: object) -> Evidence:
    (piece,) = read_imaging(message(**fields), folder, Mean(), rules).evidence
    return piece


def refused(files: Folder, sent: Message, rules: ImagingRules = RULES) -> Refused:
    with pytest.raises(Refused) as caught:
        read_imaging(sent, files, Mean(), rules)
    return caught.value


def test_a_bag_becomes_a_vector_of_its_space(bag: Path) -> None:
    piece = read_one(Folder(a=bag))
    assert (piece.patient, piece.source, piece.status) == ("p-1", "series:1.2.3", EvidenceStatus.CURRENT)
    assert piece.flags == ("kind-CT",)
    assert [(v.encoder, v.unpack().tolist()) for v in piece.vectors] == [("imaging/bag:known", [2.0, 3.0])]


@needs_data
def test_pictures_of_all_files_become_one_vector_beside_the_bag(bag: Path) -> None:
    files = [
        file_of("shot.dcm", "application/dicom"),
        file_of("a.npz", "application/x-npz", encoder="known"),
        file_of("emri.dcm", "application/dicom"),
    ]
    folder = Folder(a=bag, shot=DICOM / "HTJ2K_08_RGB.dcm", emri=DICOM / "emri_small_RLE.dcm")
    vectors = read_one(folder, files=files).vectors
    assert [vector.encoder for vector in vectors] == ["imaging/mean", "imaging/bag:known"]
    assert vectors[0].unpack()[0] == 1 + 10


def test_a_withdrawal_needs_no_file() -> None:
    assert read_one(Folder(), status="entered-in-error", files=[]).status == EvidenceStatus.WITHDRAWN


def test_at_one_moment_a_correction_beats_the_original_and_a_withdrawal_both(bag: Path) -> None:
    folder = Folder(a=bag)
    ranks = [read_one(folder, status=status).rank for status in ("available", "corrected", "entered-in-error")]
    later = read_one(folder, occurred_at="2026-03-01T09:12:00.000001Z").rank
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 3
    assert ranks[-1] < later


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"files": []}, Reason.NOTHING_TO_READ, id="no-files"),
        pytest.param({"files": [file_of("a.npz", "application/x-npz", encoder="other")]}, Reason.UNKNOWN_FEATURES),
        pytest.param({"files": [file_of("a.npz", "application/x-npz")]}, Reason.UNKNOWN_FEATURES, id="no-encoder"),
        pytest.param({"files": [file_of("a.npz", "application/dicom")]}, Reason.UNREADABLE_FILE, id="not-dicom"),
        pytest.param({"files": [file_of("a.npz", "image/tiff")]}, Reason.UNSUPPORTED, id="not-a-slide"),
    ],
)
def test_files_refused_leave_unreadable_evidence(bag: Path, fields: dict[str, Any], reason: Reason) -> None:
    refusal = refused(Folder(a=bag), message(**fields))
    assert refusal.reason == reason
    assert [(piece.source, piece.status) for piece in refusal.evidence] == [("series:1.2.3", EvidenceStatus.UNREADABLE)]


def test_a_slide_of_glass_alone_has_nothing_to_read(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tiff", np.full((64, 64, 3), 250, np.uint8), photometric="rgb")
    sent = message(kind="SM", files=[file_of("a.tiff", "image/tiff")])
    assert refused(Folder(a=tmp_path / "a.tiff"), sent).reason == Reason.NOTHING_TO_READ


@pytest.fixture
def slide_in_zip(tmp_path: Path) -> Path:
    """A label, and the 16 tiles and the one tile of two levels."""
    levels = [wsi(tmp_path / "1.dcm", 0, (220, 120, 180)), wsi(tmp_path / "2.dcm", 1, (90, 80, 160))]
    with ZipFile(tmp_path / "a.zip", "w") as target:
        for part in (wsi(tmp_path / "0.dcm", 2, (255, 0, 0), kind="LABEL"), *levels):
            target.write(part, part.name)
    return tmp_path / "a.zip"


def test_a_slide_in_a_zip_is_read_as_its_files_are(slide_in_zip: Path) -> None:
    files = Folder(a=slide_in_zip, **{str(n): slide_in_zip.parent / f"{n}.dcm" for n in range(3)})
    rules = ImagingRules(slide=SlideRules(microns_per_pixel=2))
    apart = [file_of(f"{n}.dcm", "application/dicom") for n in range(3)]
    zipped = [file_of("a.zip", "application/zip")]
    one, other = (read_one(files, rules, kind="SM", files=named).vectors[0] for named in (zipped, apart))
    assert one == other
    np.testing.assert_allclose(one.unpack(), [4, 110 / 255], atol=0.01)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        pytest.param("SM", ("0",), id="its-label-alone"),
        pytest.param("OT", ("0", "1", "2"), id="not-said-to-be-a-slide"),
    ],
)
def test_a_slide_that_is_not_read_as_one_is_refused(slide_in_zip: Path, kind: str, parts: tuple[str, ...]) -> None:
    """Its frames were read one by one, of all levels and at any size, and those of the label among them."""
    files = Folder(**{part: slide_in_zip.parent / f"{part}.dcm" for part in parts})
    refusal = refused(files, message(kind=kind, files=[file_of(f"{part}.dcm", "application/dicom") for part in parts]))
    assert (refusal.reason, "kind SM" in refusal.detail) == (Reason.UNSUPPORTED, True)


@pytest.mark.parametrize("name", ["a.zip", "1.dcm"])
def test_a_slide_of_frames_that_are_too_large_is_refused(slide_in_zip: Path, name: str) -> None:
    """OpenSlide decodes a frame of any size, whole."""
    media_type = "application/zip" if name == "a.zip" else "application/dicom"
    sent = message(kind="SM", files=[file_of(name, media_type)])
    rules = ImagingRules(dicom=DicomLimits(frame_pixels=64 * 63))
    refusal = refused(Folder(a=slide_in_zip, **{"1": slide_in_zip.parent / "1.dcm"}), sent, rules)
    assert refusal.reason == Reason.TOO_LARGE


def test_a_slide_that_no_disk_holds_unpacked_is_refused(slide_in_zip: Path) -> None:
    sent = message(kind="SM", files=[file_of("a.zip", "application/zip")])
    before = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (1000, before[1]))
    try:
        refusal = refused(Folder(a=slide_in_zip), sent)
    finally:
        setrlimit(RLIMIT_FSIZE, before)
    assert (refusal.reason, "send the DICOM files" in refusal.detail) == (Reason.TOO_LARGE, True)


def test_a_store_that_is_away_is_waited_for() -> None:
    with pytest.raises(Unavailable):
        read_imaging(message(), Folder(), Mean(), RULES)


@pytest.mark.parametrize("kind", ["CT", "SM"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, None, id="one-series"),
        pytest.param({"SeriesInstanceUID": ""}, None, id="a-file-that-does-not-say"),
        pytest.param({"SeriesInstanceUID": "1.2.5"}, Reason.UNSUPPORTED, id="another-stain"),
        pytest.param({"PatientID": "p-2"}, Reason.TWO_PATIENTS, id="another-patient"),
        pytest.param({"PatientID": "17", "IssuerOfPatientID": "there"}, None, id="an-id-of-another-issuer"),
    ],
)
def test_dicom_files_of_one_event_are_of_one_series_and_patient(
    tmp_path: Path, changes: dict[str, str], expected: Reason | None, kind: str
) -> None:
    """Two stains became one vector, and so would the slices of two patients."""
    for level in (0, 1):
        data = pydicom.dcmread(wsi(tmp_path / f"{level}.dcm", level, (220, 120, 180)))
        data.PatientID = "p-1"
        data.SOPClassUID = data.SOPClassUID if kind == "SM" else SecondaryCaptureImageStorage
        for name, value in changes.items() if level else ():
            setattr(data, name, value)
        data.save_as(tmp_path / f"{level}.dcm")
    with ZipFile(tmp_path / "a.zip", "w") as target:
        for level in (0, 1):
            target.write(tmp_path / f"{level}.dcm", f"{level}.dcm")
    folder = Folder(a=tmp_path / "a.zip", **{str(level): tmp_path / f"{level}.dcm" for level in (0, 1)})
    apart = [file_of(f"{level}.dcm", "application/dicom") for level in (0, 1)]
    for files in (apart, [file_of("a.zip", "application/zip")]):
        sent = message(kind=kind, files=files)
        if expected is None:
            assert read_imaging(sent, folder, Mean(), RULES).evidence[0].status == EvidenceStatus.CURRENT
        else:
            assert refused(folder, sent).reason == expected


@needs_data
@pytest.mark.parametrize(
    ("issuer", "patient", "expected"),
    [
        pytest.param("here", "p-1", EvidenceStatus.CURRENT, id="same"),
        pytest.param("here", "p-2", Reason.TWO_PATIENTS, id="another"),
        pytest.param("elsewhere", "p-2", EvidenceStatus.CURRENT, id="ids-of-another-issuer"),
        pytest.param(None, "p-2", EvidenceStatus.CURRENT, id="not-configured"),
    ],
)
@pytest.mark.parametrize("kind", ["CT", "SM"])
def test_a_header_of_another_patient(
    tmp_path: Path, issuer: str | None, patient: str, expected: EvidenceStatus | Reason, kind: str
) -> None:
    data = pydicom.dcmread(DICOM / "color-pl.dcm")
    data.PatientID, data.IssuerOfPatientID = patient, "here"
    data.save_as(tmp_path / "a.dcm")
    sent = message(kind=kind, files=[file_of("a.dcm", "application/dicom")])
    folder, rules = Folder(a=tmp_path / "a.dcm"), ImagingRules(patient_issuer=issuer)
    if isinstance(expected, Reason):
        refusal = refused(folder, sent, rules)
        assert refusal.reason == expected
        assert patient not in refusal.detail
    else:
        assert read_imaging(sent, folder, Mean(), rules).evidence[0].status == expected


@pytest.mark.parametrize(
    ("sent", "reason", "names"),
    [
        pytest.param(raw(b"{"), Reason.NOT_JSON, "JSON", id="no-json"),
        pytest.param(raw(None), Reason.NOT_JSON, "JSON", id="no-value"),
        pytest.param(raw(b"\xff"), Reason.NOT_JSON, "JSON", id="no-utf-8"),
        pytest.param(raw(b"[" * 10_000), Reason.NOT_JSON, "JSON", id="deep"),
        pytest.param(doubled(message(), "patient"), Reason.NOT_JSON, "each key once", id="two-patients-in-one-key"),
        pytest.param(doubled(message(), "patient", "p-1"), Reason.NOT_JSON, "each key once", id="said-twice"),
        pytest.param(doubled(message(), "sha256"), Reason.NOT_JSON, "each key once", id="two-hashes-of-a-file"),
        pytest.param(doubled(raw(STUDY), "reference"), Reason.NOT_JSON, "each key once", id="two-subjects-of-a-study"),
        pytest.param(raw(b"[]"), Reason.NOT_AN_EVENT, "object", id="a-list"),
        pytest.param(raw(b'{"resourceType": "Patient"}'), Reason.UNSUPPORTED, "ImagingStudy", id="other-fhir"),
        pytest.param(message(patient=None), Reason.NO_PATIENT, "name the patient in `patient`", id="no-patient"),
        pytest.param(message(occurred_at="2026-03-01T09:12:00"), Reason.NO_TIME, "occurred_at", id="no-offset"),
        pytest.param(message(kind="Jane Doe"), Reason.NOT_AN_EVENT, "kind", id="bad-field"),
        pytest.param(message(**{"Jane Doe": 1}), Reason.NOT_AN_EVENT, "contract: 1", id="unknown-field"),
        pytest.param(message(files=[{"url": "Jane Doe"}]), Reason.NOT_AN_EVENT, "files.0", id="bad-file"),
    ],
)
def test_what_is_no_event_is_refused_by_the_names_of_its_fields(sent: Message, reason: Reason, names: str) -> None:
    refusal = refused(Folder(), sent)
    assert refusal.reason == reason
    assert names in refusal.detail
    assert "Jane" not in refusal.detail


def test_a_series_of_a_time_that_cannot_have_been_is_refused_and_can_be_corrected(bag: Path) -> None:
    """As the newest time of a patient it would make all that is known of her stale."""
    refusal = refused(Folder(a=bag), sent := message(occurred_at="2062-03-01T09:12:00Z"))
    (unread,) = refusal.evidence
    assert (refusal.reason, unread.status) == (Reason.NO_TIME, EvidenceStatus.UNREADABLE)
    assert unread.occurred_at == sent.timestamp
    assert read_one(Folder(a=bag)).rank > unread.rank
    (broken,) = refused(Folder(a=bag), message(occurred_at="2062-03-01T09:12:00Z", kind=None)).evidence
    assert (broken.occurred_at, broken.version) == (unread.occurred_at, unread.version)
    taken_back = read_one(Folder(), occurred_at="2062-03-01T09:12:00Z", status="entered-in-error", files=None)
    assert taken_back.rank > unread.rank


@pytest.mark.parametrize(
    ("wrong", "version"),
    [
        pytest.param({"files": [file_of("a.npz", "image/jpeg")]}, "", id="unknown-media-type"),
        pytest.param({"files": [file_of("a.npz", "image/tiff", sha256="ab")]}, "", id="a-short-hash"),
        pytest.param({"files": [file_of("a.npz", "image/tiff", url=None)]}, "", id="a-file-nowhere"),
        pytest.param({"kind": "computed tomography"}, "", id="unknown-kind"),
        pytest.param({"study": None}, "", id="no-study"),
        pytest.param({"bodysite": "liver"}, "", id="a-typo"),
        pytest.param({"kind": None, "status": "corrected"}, "+1", id="of-a-correction"),
        pytest.param({"kind": None, "status": "entered-in-error"}, "+2", id="of-a-withdrawal"),
    ],
)
def test_an_event_wrong_in_part_leaves_an_unreadable_piece_of_its_series(wrong: dict[str, Any], version: str) -> None:
    """It left a dead letter alone: the results that followed did not say that there was something they had not read."""
    refusal = refused(Folder(), message(**wrong))
    (piece,) = refusal.evidence
    assert (refusal.reason, piece.status) == (Reason.NOT_AN_EVENT, EvidenceStatus.UNREADABLE)
    assert (piece.patient, piece.source, piece.flags) == ("p-1", "series:1.2.3", ())
    assert piece.version == f"t2026-03-01T09:12:00.000000Z{version}"


@pytest.mark.parametrize("wrong", [{"patient": ""}, {"series": None}, {"status": "new"}, {"occurred_at": "2026-03-01"}])
def test_an_event_whose_series_or_version_is_not_plain_leaves_no_piece(wrong: dict[str, Any]) -> None:
    assert refused(Folder(), message(**wrong)).evidence == ()
