"""The files of a series, opened one after the other in the event's order: pictures as tiles, bags as chunks."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from model.readers.archive import ZipLimits, read_archive
from model.readers.bag import BagLimits, Chunk, read_hdf5, read_npz
from model.readers.dicom import read_frames
from model.readers.dicom_header import DicomFacts, DicomLimits, read_facts
from model.readers.pixels import Tile
from model.readers.slide import SlideRules, is_slide, read_slide
from schemas.errors import Reason, Refused
from schemas.events import ImagingEvent, ImagingFile
from schemas.files import Files

_BAGS = frozenset({"application/x-npz", "application/x-hdf5"})
_SLIDES = frozenset({"image/tiff", "application/x-svs"})


@dataclass(frozen=True)
class ImagingRules:
    """What is read of a series, and whose patient ids a DICOM header is held to."""

    patient_issuer: str | None = None
    """The issuer (0010,0021) whose patient ids are the events' own; headers of other issuers are not compared."""
    dicom: DicomLimits = field(default_factory=DicomLimits)
    archive: ZipLimits = field(default_factory=ZipLimits)
    bag: BagLimits = field(default_factory=BagLimits)
    slide: SlideRules = field(default_factory=SlideRules)


class _Headers:
    """What the DICOM headers of one event must agree on: the event's patient, and one series."""

    def __init__(self, event: ImagingEvent, issuer: str | None) -> None:
        self.event = event
        self._patients = {} if issuer is None else {issuer: event.patient}
        self._series = ""

    def check(self, facts: DicomFacts) -> None:
        """Refused where this header names another patient than the event or an earlier header, or another series."""
        if facts.patient and self._patients.setdefault(facts.issuer, facts.patient) != facts.patient:
            raise Refused(
                Reason.TWO_PATIENTS,
                "a DICOM header names another patient than the event or another file; find out whose image it is",
            )
        self._series = self._series or facts.series
        if facts.series not in ("", self._series):
            raise Refused(Reason.UNSUPPORTED, "DICOM files of several series in one event; send an event for each")


def is_bag(file: ImagingFile) -> bool:
    """Whether the file holds features already extracted."""
    return file.media_type in _BAGS


def tiles_of(event: ImagingEvent, files: Files, size: int, rules: ImagingRules) -> Generator[Tile, None, None]:
    """Yield the (3, size, size) tiles of all pictures of the series; raise Refused or Unavailable.

    The DICOM files of a slide (kind SM), or of a ZIP of them, are opened together, as levels of one slide.
    """
    pictures = [file for file in event.files if not is_bag(file)]
    headers = _Headers(event, rules.patient_issuer)
    if event.kind == "SM":
        parts = [file for file in pictures if file.media_type == "application/dicom"]
        pictures = [file for file in pictures if file.media_type != "application/dicom"]
        yield from _slide_of_parts(headers, parts, files, size, rules)
    for file in pictures:
        with files.open(file) as path:
            yield from _pictures(headers, file, path, size, rules)


def bags_of(
    event: ImagingEvent, files: Files, rules: ImagingRules
) -> Iterator[tuple[str, Generator[Chunk, None, None]]]:
    """Each feature space of the series, in the order of its name, with the (n, D) chunks of all its bags."""
    bags = [file for file in event.files if is_bag(file)]
    if any(file.encoder is None for file in bags):
        raise Refused(Reason.UNKNOWN_FEATURES, "a bag without `encoder`; name the feature space it is in")
    for space in sorted({file.encoder for file in bags if file.encoder is not None}):
        yield space, _chunks([file for file in bags if file.encoder == space], files, rules)


def _slide_of_parts(
    headers: _Headers, parts: list[ImagingFile], files: Files, size: int, rules: ImagingRules
) -> Iterator[Tile]:
    if not parts:
        return
    with ExitStack() as opened:
        paths = [opened.enter_context(files.open(file)) for file in parts]
        for path in paths:
            headers.check(read_facts(path, rules.dicom))
        yield from _slide(paths, size, rules)


def _slide(paths: list[Path], size: int, rules: ImagingRules) -> Iterator[Tile]:
    if is_slide(paths):
        yield from read_slide(paths, size, rules.slide)
        return
    for path in paths:  # a photograph through a microscope
        yield from read_frames(path, size, rules.dicom)


def _slide_in_zip(headers: _Headers, path: Path, size: int, rules: ImagingRules) -> Iterator[Tile]:
    """Unpacked to a folder while it is read, since OpenSlide reads the files of a slide together."""
    with TemporaryDirectory(prefix="oncostream-") as folder:
        paths: list[Path] = []
        for member, facts in read_archive(path, rules.archive, rules.dicom):
            headers.check(facts)
            paths.append(Path(folder) / f"{len(paths):06d}")
            _write(paths[-1], member)
        if paths:
            yield from _slide(paths, size, rules)


def _write(path: Path, member: BytesIO) -> None:
    try:
        path.write_bytes(member.getbuffer())
    except OSError as full:  # never retried: a small file could ask for more than any disk has
        raise Refused(
            Reason.TOO_LARGE, "the ZIP of a slide does not fit on the disk unpacked; send the DICOM files themselves"
        ) from full


def _pictures(headers: _Headers, file: ImagingFile, path: Path, size: int, rules: ImagingRules) -> Iterator[Tile]:
    if file.media_type in _SLIDES:
        yield from read_slide([path], size, rules.slide)
    elif file.media_type == "application/zip" and headers.event.kind == "SM":
        yield from _slide_in_zip(headers, path, size, rules)
    elif file.media_type == "application/zip":
        for member, facts in read_archive(path, rules.archive, rules.dicom):
            headers.check(facts)
            yield from read_frames(member, size, rules.dicom)
    else:
        headers.check(read_facts(path, rules.dicom))
        yield from read_frames(path, size, rules.dicom)


def _chunks(bags: list[ImagingFile], files: Files, rules: ImagingRules) -> Generator[Chunk, None, None]:
    width: int | None = None
    for file in bags:
        with files.open(file) as path:
            read = read_npz if file.media_type == "application/x-npz" else read_hdf5
            for chunk in read(path, rules.bag):
                if width is not None and chunk.shape[1] != width:
                    raise Refused(Reason.UNREADABLE_FILE, "bags of one space differ in width; check what made them")
                width = chunk.shape[1]
                yield chunk
