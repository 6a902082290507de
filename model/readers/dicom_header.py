"""A DICOM file read up to its pixels: whose it is, and what its pixels will ask for."""

import logging
import struct
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pydicom.config
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from model.readers.bounded_stream import BoundedStream
from model.readers.dicom_frames import DEFLATED_FRAMES
from schemas.errors import Reason, Refused

# pydicom quotes the values it doubts in warnings and log lines: a name or an id would reach the log (promise 7).
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)

# What pydicom, numpy and the decoders raise on bytes that are not what they say (RecursionError is a RuntimeError).
BROKEN = (
    *(AttributeError, KeyError, IndexError, TypeError, ValueError, ArithmeticError, RuntimeError, OSError, EOFError),
    *(struct.error, zlib.error, AssertionError, InvalidDicomError, BytesLengthException),
)
PIXEL_KEYWORDS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_PALETTE = tuple(
    name.format(colour)
    for colour in ("Red", "Green", "Blue")
    for name in (
        "{}PaletteColorLookupTableDescriptor",
        "{}PaletteColorLookupTableData",
        "Segmented{}PaletteColorLookupTableData",
    )
)
_WANTED: list[BaseTag | int] = [
    Tag(name)
    for name in (
        *("PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence"),
        *("SOPClassUID", "SeriesInstanceUID", "InstanceNumber"),
        *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
        *("BitsAllocated", "BitsStored", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
        *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
        *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", *_PALETTE),
    )
]


@dataclass(frozen=True)
class DicomLimits:
    """What a file may ask for before anything of it is decoded."""

    frame_pixels: int = 2**25
    frames: int = 20_000
    header_bytes: int = 2**26
    """Of the fields before the pixels that are read: palettes, tables of offsets."""
    inflated_bytes: int = 2**30
    """Of a file whose whole dataset is deflated."""


@dataclass(frozen=True)
class DicomFacts:
    """Whose file it is, by which issuer of patient ids, its series, and its place there; `""` where it does not say."""

    patient: str
    issuer: str
    series: str
    instance: int


@dataclass(frozen=True)
class OpenedDicom:
    """A file read up to its pixels: `stream` stands at the pixel element, or at the end where there is none."""

    header: Dataset
    syntax: str
    stream: BinaryIO


def read_facts(source: Path | BinaryIO, limits: DicomLimits) -> DicomFacts:
    """Read the header alone, or raise Refused: too large a frame is, whoever would decode it."""
    with ExitStack() as opened:
        try:
            header = open_dicom(source, limits, opened).header
            qualifiers = header.get("IssuerOfPatientIDQualifiersSequence") or [Dataset()]
            issuer = header.get("IssuerOfPatientID") or qualifiers[0].get("UniversalEntityID") or ""
            instance = int(header.get("InstanceNumber") or 0)
            check_frame(int(header.get("Rows") or 0) * int(header.get("Columns") or 0), limits)
            patient, series = (str(header.get(name) or "").strip() for name in ("PatientID", "SeriesInstanceUID"))
            return DicomFacts(patient, str(issuer).strip(), series, instance)
        except BROKEN as broken:
            raise unreadable("header") from broken


def check_frame(pixels: int, limits: DicomLimits) -> None:
    """Refused where a frame has more pixels than are decoded at once."""
    if pixels > limits.frame_pixels:
        raise Refused(
            Reason.TOO_LARGE,
            f"a DICOM file of frames of {pixels} pixels, at most {limits.frame_pixels} are read; send a tiled slide",
        )


def unreadable(part: str) -> Refused:
    """The refusal of a file whose bytes are not what they say."""
    return Refused(
        Reason.UNREADABLE_FILE, f"the {part} of a DICOM file is broken, cut short or absent; export the image again"
    )


def open_dicom(source: Path | BinaryIO, limits: DicomLimits, opened: ExitStack) -> OpenedDicom:
    """Read up to the pixels; what is broken raises one of BROKEN, and `opened` closes the file."""
    stream: BinaryIO = opened.enter_context(source.open("rb")) if isinstance(source, Path) else source
    stream.seek(0)
    read_preamble(stream, force=False)
    meta = read_dataset(_bounded(stream, limits), False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    syntax = UID(meta["TransferSyntaxUID"].value)
    if syntax == DeflatedExplicitVRLittleEndian:
        stream = _inflated(stream, limits)
    layout = ExplicitVRLittleEndian if syntax == DEFLATED_FRAMES else syntax
    header = read_dataset(
        _bounded(stream, limits),
        layout.is_implicit_VR,
        layout.is_little_endian,
        stop_when=lambda tag, vr, length: int(tag) in PIXEL_KEYWORDS,
        specific_tags=_WANTED,
    )
    return OpenedDicom(header, str(syntax), stream)


def _bounded(stream: BinaryIO, limits: DicomLimits) -> Any:
    return BoundedStream(stream, limits.header_bytes, "header fields")


def _inflated(stream: BinaryIO, limits: DicomLimits) -> BytesIO:
    packed = stream.read(limits.inflated_bytes + 2**20)  # what is packed may be no longer than what it holds
    raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, limits.inflated_bytes + 1)
    if len(raw) > limits.inflated_bytes:
        raise Refused(
            Reason.TOO_LARGE,
            f"a deflated DICOM file grows past {limits.inflated_bytes} bytes; send it under another transfer syntax",
        )
    return BytesIO(raw)
