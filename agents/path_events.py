"""What `send` makes of a path, a cohort folder, records, FHIR or a file: the messages a bus would carry."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.assay_events import media_type_of, sequencing_message
from agents.exits import AskedWrongly
from agents.series_events import is_dicom, series_messages
from model.cohorts.folder import EVENTS, IMAGING_TOPIC, OBSERVATION_TOPIC, SEQUENCING_TOPIC, read_events
from schemas.events import Assay
from schemas.message import Message
from schemas.strict_json import strict_json

INPUTS = (OBSERVATION_TOPIC, IMAGING_TOPIC, SEQUENCING_TOPIC)
_TOPIC_OF = {"ImagingStudy": IMAGING_TOPIC, "MolecularSequence": SEQUENCING_TOPIC}
_ENDLESS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
"""What has no size and perhaps no end: an event needs its bytes counted and hashed before it is sent."""


@dataclass(frozen=True)
class Asked:
    """What whoever sends says of files that do not say it themselves."""

    patient: str | None = None
    specimen: str | None = None
    assay: Assay = "panel"


def messages_of(paths: list[Path], asked: Asked) -> Iterator[Message]:
    """The messages of all paths, read as they are asked for; topics without prefix. Raises AskedWrongly, Refused."""
    dicom: list[Path] = []
    for path in paths:
        if not path.exists():
            raise AskedWrongly(f"{path}: no such file or folder")
        if found := _ENDLESS.get(stat.S_IFMT(path.stat().st_mode)):
            raise AskedWrongly(f"{path}: {found}; wanted a file or a folder, so write it to a file first")
        if (path / EVENTS).is_file():
            yield from _records(path, EVENTS)
        elif path.is_dir():
            for file in sorted(each for each in path.rglob("*") if each.is_file()):
                yield from _file(file, asked, dicom)
        else:
            yield from _file(path, asked, dicom)
    yield from series_messages(dicom, asked.patient)


def refers_to_files(path: Path) -> bool:
    """Whether its events point to files that the workers must be allowed to read."""
    if (path / EVENTS).is_file():
        files = path / "files"
        return files.is_dir() and any(files.iterdir())
    return path.is_dir() or media_type_of(path) is not None or (path.is_file() and is_dicom(path))


def _file(path: Path, asked: Asked, dicom: list[Path]) -> Iterator[Message]:
    """The messages of one file; a DICOM file waits in `dicom` for the rest of its series."""
    if path.suffix == ".ndjson":
        yield from _fhir_lines(path) if _is_fhir(path) else _records(path.parent, path.name)
    elif path.suffix == ".json":
        yield _json_message(path.read_bytes(), str(path), 1)
    elif media_type := media_type_of(path):
        yield sequencing_message(path, media_type, asked.patient, asked.specimen, asked.assay)
    elif is_dicom(path):
        dicom.append(path)
    else:
        raise AskedWrongly(f"{path}: wanted a cohort folder, .ndjson, FHIR .json, DICOM, .vcf, .maf, .fasta or .fastq")


def _records(folder: Path, name: str) -> Iterator[Message]:
    for message in read_events(folder, name=name):
        if message.topic not in INPUTS:
            raise AskedWrongly(f"{name} line {message.offset}: a record for another topic than {', '.join(INPUTS)}")
        yield message


def _is_fhir(path: Path) -> bool:
    """Whether the first line that is not blank is a FHIR resource (Bulk Data) and not a record of ours."""
    with path.open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"")
    return isinstance(_parsed(first, str(path)), dict) and b'"resourceType"' in first and b'"topic"' not in first


def _fhir_lines(path: Path) -> Iterator[Message]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _json_message(line.strip(), f"{path} line {number}", number)


def _json_message(content: bytes, where: str, number: int) -> Message:
    """FHIR, or an event of ours, as it stands: to the topic that its type belongs to."""
    value = _parsed(content, where)
    kind = value.get("resourceType") if isinstance(value, dict) else None
    if kind is not None:
        topic = _TOPIC_OF.get(kind, OBSERVATION_TOPIC)
    elif isinstance(value, dict) and "series" in value:
        topic = IMAGING_TOPIC
    elif isinstance(value, dict) and "specimen" in value:
        topic = SEQUENCING_TOPIC
    else:
        raise AskedWrongly(f"{where}: JSON without a resourceType, a series or a specimen; wanted FHIR or an event")
    return Message(topic, 0, number, None, content, timestamp=datetime.now(UTC))


def _parsed(content: bytes, where: str) -> Any:
    try:
        return strict_json(content)
    except ValueError as error:
        raise AskedWrongly(f"{where}: {error}; wanted FHIR or an event") from None
