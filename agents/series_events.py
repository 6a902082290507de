"""DICOM files as imaging events, one a series."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pydicom.config
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from agents.assay_events import changed_at, fitting, size_and_hash, url_of
from agents.exits import AskedWrongly
from model.cohorts.folder import IMAGING_TOPIC
from schemas.canonical import derived_id
from schemas.events import ImagingEvent, ImagingFile
from schemas.message import Message

# pydicom quotes the values it doubts in warnings and log lines: a name or an id would be on the screen (promise 7).
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)

_TAGS = (
    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "InstanceNumber", "TimezoneOffsetFromUTC"),
    *("AcquisitionDateTime", "SeriesDate", "SeriesTime", "StudyDate", "StudyTime"),
)
_MOMENT = re.compile(r"(\d{10}(?:\d{2}){0,2})(?:\.\d*)?([+-]\d{4})?")
"""A DICOM date with its time to the hour, minute or second, and perhaps its own offset from UTC."""
_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class _Instance:
    """The few fields of one file that its event needs."""

    path: Path
    patient: str
    study: str
    series: str
    kind: str
    number: int
    at: datetime


def is_dicom(path: Path) -> bool:
    """Whether the file has DICOM's preamble, or says so by its name."""
    with path.open("rb") as content:
        return content.read(132)[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom")


def series_messages(paths: Sequence[Path], patient: str | None) -> Iterator[Message]:
    """One event a series; the patient is the one given, else the header's. Only a few header fields are kept."""
    series: dict[str, list[_Instance]] = {}
    for path in paths:
        instance = _read(path, patient)
        series.setdefault(instance.series, []).append(instance)
    for instances in series.values():
        yield _message(instances)


def _read(path: Path, patient: str | None) -> _Instance:
    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
        return _instance(path, header, patient)
    except (InvalidDicomError, OSError, ValueError, TypeError, EOFError):  # a value is read when it is asked for
        raise AskedWrongly(f"{path}: not readable as DICOM") from None


def _instance(path: Path, header: Dataset, patient: str | None) -> _Instance:
    whose = patient or str(header.get("PatientID") or "").strip()  # DICOM's spaces around a value mean nothing
    series = str(header.get("SeriesInstanceUID") or "").strip()
    if not series:
        raise AskedWrongly(f"{path}: a DICOM file without a SeriesInstanceUID")
    if not whose:
        raise AskedWrongly(f"{path}: a DICOM file without a PatientID; give --patient")
    return _Instance(
        path=path,
        patient=whose,
        study=str(header.get("StudyInstanceUID") or series),
        series=series,
        kind=str(header.get("Modality") or "OT").strip().upper(),
        number=int(header.get("InstanceNumber") or 0),
        at=_taken_at(header) or changed_at(path),
    )


def _message(instances: list[_Instance]) -> Message:
    first = min(instances, key=lambda each: (each.number, each.path))
    if any(each.patient != first.patient for each in instances):
        raise AskedWrongly(f"{first.path.parent}: one series of two patients; put it right at its source")
    files = []
    for instance in sorted(instances, key=lambda each: (each.number, each.path)):
        size, sha256 = size_and_hash(instance.path)
        files.append(ImagingFile(url=url_of(instance.path), media_type="application/dicom", bytes=size, sha256=sha256))
    with fitting(first.path):
        event = ImagingEvent(
            id=derived_id("send", first.patient, first.series, *(file.sha256 or "" for file in files)),
            patient=first.patient,
            occurred_at=max((each.at for each in instances), default=_OLDEST),
            study=first.study,
            series=first.series,
            kind=first.kind,
            files=tuple(files),
        )
    return Message(IMAGING_TOPIC, 0, 1, first.patient.encode(), event.to_json(), timestamp=event.occurred_at)


def _taken_at(header: Dataset) -> datetime | None:
    """When the series was taken, by the first of the header's times that is whole; UTC where no offset is named."""
    offset = str(header.get("TimezoneOffsetFromUTC") or "+0000")
    dates = (
        str(header.get("AcquisitionDateTime") or ""),
        *(f"{header.get(f'{part}Date') or ''}{header.get(f'{part}Time') or ''}" for part in ("Series", "Study")),
    )
    for text in dates:
        found = _MOMENT.fullmatch(text.strip())
        if found is None:
            continue
        try:
            return datetime.strptime(f"{found[1]:0<14}{found[2] or offset}", "%Y%m%d%H%M%S%z").astimezone(UTC)
        except (ValueError, OverflowError):  # no date, or in UTC none
            continue
    return None
