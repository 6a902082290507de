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
    inline: Base64Bytes | None = None
    bytes: int | None = Field(default=None, ge=0)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")

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
    encoder: str | None = None
    """For bags of features: the feature space, e.g. `uni-512`."""


class SequencingFile(FileRef):
    """One file of variants, sequences or gene values."""

    media_type: SequencingMedia


class _Event(Record):
    id: str = Field(min_length=1, max_length=256)
    patient: str = Field(min_length=1, max_length=256)
    occurred_at: Instant
    status: EventStatus = "available"


class ImagingEvent(_Event):
    """A series of a study became available, was corrected, or was withdrawn."""

    study: str = Field(min_length=1, max_length=256)
    series: str = Field(min_length=1, max_length=256)
    kind: str = Field(pattern=r"^[A-Z][A-Z0-9]{1,15}$")
    """The modality as DICOM codes it, `RTSTRUCT` among them."""
    body_site: str | None = None
    files: tuple[ImagingFile, ...] = ()


class SequencingEvent(_Event):
    """An assay of a specimen became available, was corrected, or was withdrawn."""

    specimen: str = Field(min_length=1, max_length=256)
    assay: Assay
    reference: str | None = None
    files: tuple[SequencingFile, ...] = ()
