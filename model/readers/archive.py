"""A ZIP of DICOM files: one series, one member in memory at a time, nothing written to disk here.

Members are read in the order of their InstanceNumber, then of their name; what is no DICOM (DICOMDIR, a viewer,
a note) is passed over.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from model.readers.dicom_header import DicomFacts, DicomLimits, read_facts
from schemas.errors import Reason, Refused

# NotImplementedError is a RuntimeError; the rest is what zipfile lets through on offsets and lengths that lie, and
# (IndexError) on a member without a name.
_BROKEN = (BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError, IndexError)
_ENCRYPTED = 0x1
_MARK_AT, _MARK = 128, b"DICM"


@dataclass(frozen=True)
class ZipLimits:
    """What an archive may ask for before any of it is inflated."""

    members: int = 10_000
    member_bytes: int = 2**30
    total_bytes: int = 2**34
    ratio: int = 200
    """Inflated over stored size, of the whole."""


def read_archive(path: Path, limits: ZipLimits, dicom: DicomLimits) -> Iterator[tuple[BytesIO, DicomFacts]]:
    """Yield each DICOM member and its facts, in order; raise Refused where one cannot be read."""
    try:
        with ZipFile(path) as archive:
            members = _checked(archive, limits)
            ordered = sorted(_placed(archive, members, dicom), key=lambda place: place[:2])
            for _, _, member in ordered:
                content = BytesIO(archive.read(member))
                yield content, read_facts(content, dicom)
    except _BROKEN as broken:
        raise Refused(
            Reason.UNREADABLE_FILE, "the ZIP archive is broken or cut short; pack it again and send a correction"
        ) from broken


def _checked(archive: ZipFile, limits: ZipLimits) -> list[ZipInfo]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    total, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    largest = max((m.file_size for m in members), default=0)
    if len(members) > limits.members or largest > limits.member_bytes or total > limits.total_bytes:
        raise Refused(
            Reason.TOO_LARGE,
            f"a ZIP of {len(members)} members, {total} bytes in all, {largest} in the largest; at most "
            f"{limits.members}, {limits.total_bytes} and {limits.member_bytes} are read: split the series",
        )
    if total > limits.ratio * max(packed, 1):
        raise Refused(
            Reason.TOO_LARGE, f"a ZIP that inflates more than {limits.ratio} times; send the DICOM files themselves"
        )
    if any(m.flag_bits & _ENCRYPTED or m.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for m in members):
        raise Refused(Reason.UNSUPPORTED, "a ZIP that is encrypted or not deflated; pack it again without either")
    return members


def _placed(archive: ZipFile, members: list[ZipInfo], dicom: DicomLimits) -> Iterator[tuple[int, str, ZipInfo]]:
    """Each DICOM member with its place in the series. A zip may name a member twice: each keeps its own entry."""
    for member in members:
        if member.filename.replace("\\", "/").rpartition("/")[2].upper() == "DICOMDIR":
            continue
        with archive.open(member) as stream:
            head = stream.read(_MARK_AT + len(_MARK))
        if head[_MARK_AT:] == _MARK:
            facts = read_facts(BytesIO(archive.read(member)), dicom)
            yield facts.instance, member.filename, member
