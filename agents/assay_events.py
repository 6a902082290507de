"""A file of variants or sequences as one sequencing event."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from agents.exits import AskedWrongly
from model.cohorts.folder import SEQUENCING_TOPIC
from schemas.canonical import derived_id
from schemas.events import Assay, SequencingEvent, SequencingFile, SequencingMedia
from schemas.message import Message
from schemas.utf8 import is_utf8

_MEDIA: dict[str, SequencingMedia] = {
    ".vcf": "text/x-vcf",
    ".maf": "text/x-maf",
    ".fa": "text/x-fasta",
    ".fasta": "text/x-fasta",
    ".fna": "text/x-fasta",
    ".fq": "text/x-fastq",
    ".fastq": "text/x-fastq",
}


def media_type_of(path: Path) -> SequencingMedia | None:
    """The media type that the name says, or None where it is no file of an assay."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".bgz")
    return _MEDIA.get(Path(name).suffix)


def sequencing_message(
    path: Path, media_type: SequencingMedia, patient: str | None, specimen: str | None, assay: Assay
) -> Message:
    """The event of one file, at the file's own time: sent twice, it is the same event."""
    if not patient or not specimen:
        raise AskedWrongly(f"{path.name} does not say whose it is; give --patient and --specimen")
    size, sha256 = size_and_hash(path)
    with fitting(path):
        event = SequencingEvent(
            id=derived_id("send", patient, specimen, assay, sha256),
            patient=patient,
            occurred_at=changed_at(path),
            specimen=specimen,
            assay=assay,
            files=(SequencingFile(url=url_of(path), media_type=media_type, bytes=size, sha256=sha256),),
        )
    return Message(SEQUENCING_TOPIC, 0, 1, patient.encode(), event.to_json(), timestamp=event.occurred_at)


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Raise AskedWrongly where what was read of the file, or said of it, fits no event; it quotes none of it."""
    try:
        yield
    except ValidationError as error:
        field = error.errors(include_input=False)[0]["loc"][0]
        raise AskedWrongly(f"{path}: its {field} does not fit an event; put it right at its source") from None


def url_of(path: Path) -> str:
    """Where a worker finds the file; raises AskedWrongly where a URL cannot say it."""
    whole = path.resolve()
    if not is_utf8(str(whole)):
        raise AskedWrongly(f"{path}: its name or a folder's is not UTF-8; rename that")
    return whole.as_uri()


def size_and_hash(path: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file, read in blocks."""
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        return content.tell(), digest


def changed_at(path: Path) -> datetime:
    """When the file was last written."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
