"""Imaging and sequencing events as senders write them (DESIGN §3.1)."""

from typing import Literal, Self

from pydantic import Base64Bytes, Field, model_validator

from schemas.record import Instant, Record

EventStatus = Literal["available", "corrected", "entered-in-error"]

ImagingMedia = Literal[
    "application/dicom", "application/zip", "image/tiff", "application/x-svs", "application/x-npz", "application/x-hdf5"
]
SequencingMedia = Literal["text/x-vcf", "text/x-maf", "text/x-fasta", "text/x-fastq", "text/x-gene-values"]
Assay = Literal["panel", "wes", "wgs", "rna", "ctdna", "amplicon", "proteome", "metabolome"]


class FileRef(Record):
    """A file by reference, with the size and hash that it must have, or small content inline."""

    url: str | None = None
    """`file`, `https` or `s3`, of the places that the installation allows."""
    inline: Base64Bytes | None = None
    """The content itself in base64, in place of `url`."""
    bytes: int | None = Field(default=None, ge=0)
    """Size of the file; must be there with a `url`."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the file in lower-case hex; must be there with a `url`."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.inline is None):
            raise ValueError("a file has either a url or inline content")
        if self.url is not None and (self.bytes is None or self.sha256 is None):
            raise ValueError("a file by url needs its bytes and its sha256")
        return self


class ImagingFile(FileRef):
    """One image file, or one bag of features already extracted."""

    media_type: ImagingMedia
    """What the file is."""
    encoder: str | None = None
    """For bags of features: the feature space, e.g. `uni-512`."""


class SequencingFile(FileRef):
    """One file of variants, sequences or gene values."""

    media_type: SequencingMedia
    """What the file is."""


class _Event(Record):
    id: str = Field(min_length=1, max_length=256)
    """Of the event, as the sender counts."""
    patient: str = Field(min_length=1, max_length=256)
    """The same id for the same patient in all topics."""
    occurred_at: Instant
    """When the images or the specimen were taken; RFC 3339 with the offset from UTC."""
    status: EventStatus = "available"
    """`corrected` replaces what was sent of the same source, `entered-in-error` withdraws it."""


class ImagingEvent(_Event):
    """A series of a study became available, was corrected, or was withdrawn."""

    study: str = Field(min_length=1, max_length=256)
    """Study Instance UID."""
    series: str = Field(min_length=1, max_length=256)
    """Series Instance UID: the source, by which it is corrected or withdrawn."""
    kind: str = Field(pattern=r"^[A-Z][A-Z0-9]{1,15}$")
    """The modality as DICOM codes it, `RTSTRUCT` among them."""
    body_site: str | None = None
    """`system|code`, e.g. `http://snomed.info/sct|39607008`."""
    files: tuple[ImagingFile, ...] = ()
    """None are needed to withdraw."""


class SequencingEvent(_Event):
    """An assay of a specimen became available, was corrected, or was withdrawn."""

    specimen: str = Field(min_length=1, max_length=256)
    """Of the specimen: with the assay the source, by which it is corrected or withdrawn."""
    assay: Assay
    """What was done with the specimen."""
    reference: str | None = None
    """Genome build, e.g. `GRCh38`."""
    files: tuple[SequencingFile, ...] = ()
    """None are needed to withdraw."""
