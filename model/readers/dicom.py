"""DICOM files as pictures, one frame at a time.

A frame's grey values are windowed on their own 1st to 99th percentile, since one frame at a time is all that is
ever in memory; so a positive rescale leaves the picture as it is, and a negative one inverts it.
"""

import struct
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    VLWholeSlideMicroscopyImageStorage,
)

from model.readers.bounded_stream import BoundedStream
from model.readers.dicom_frames import DEFLATED_FRAMES, ENCAPSULATED, decode_frame
from model.readers.dicom_header import (
    BROKEN,
    PIXEL_KEYWORDS,
    DicomLimits,
    OpenedDicom,
    check_frame,
    open_dicom,
    unreadable,
)
from model.readers.pixels import Tile, to_tile, windowed
from schemas.errors import Reason, Refused


def read_frames(source: Path | BinaryIO, size: int, limits: DicomLimits) -> Iterator[Tile]:
    """Yield each frame as a (3, size, size) tile, one in memory at a time, or raise Refused."""
    with ExitStack() as opened:
        try:
            file = open_dicom(source, limits, opened)
            promised = _check(file.header, limits)
            pictures = _pictures(file)
        except BROKEN as broken:
            raise unreadable("header") from broken
        for _ in range(promised):
            try:
                tile = to_tile(next(pictures), size)
            except (*BROKEN, StopIteration) as broken:
                raise unreadable("pixel data") from broken
            yield tile


def _check(header: Dataset, limits: DicomLimits) -> int:
    """The number of frames, once what the header asks for is known to be within the limits."""
    if str(header.get("SOPClassUID") or "").strip() == VLWholeSlideMicroscopyImageStorage:
        raise Refused(
            Reason.UNSUPPORTED,
            "a DICOM whole slide that is not read as one; send it as kind SM, with its levels and not its label alone, "
            "tiled in full (TILED_FULL), in JPEG or JPEG 2000",
        )
    if "Rows" not in header:
        raise Refused(
            Reason.UNREADABLE_FILE,
            "a DICOM file without pixels: a report, a plan, or one cut short; leave it out, or export it again",
        )
    pixels, frames = int(header.Rows) * int(header.Columns), int(header.get("NumberOfFrames") or 1)
    if pixels <= 0 or frames <= 0:
        raise ValueError("no pixels")
    check_frame(pixels, limits)
    if frames > limits.frames:
        raise Refused(
            Reason.TOO_LARGE, f"a DICOM file of {frames} frames, at most {limits.frames} are read; send it in parts"
        )
    if header.SamplesPerPixel not in (1, 3):
        raise Refused(Reason.UNSUPPORTED, "DICOM pixels have neither 1 nor 3 samples; send grey, RGB or YBR")
    return frames


def _pictures(file: OpenedDicom) -> Iterator[NDArray[np.float32]]:
    """Every frame as (H, W) or (H, W, 3) in [0, 1]."""
    options = as_pixel_options(file.header)
    options.setdefault("pixel_representation", 0)
    for frame, photometric in _arrays(file, options):
        yield _shown(frame, photometric, file.header)


def _arrays(file: OpenedDicom, options: dict[str, Any]) -> Iterator[tuple[NDArray[Any], str]]:
    offsets = options.pop("extended_offsets", None)
    frames = options["number_of_frames"]
    options |= _pixel_element(file)
    if file.syntax in ENCAPSULATED:
        stream = BoundedStream(file.stream, _encoded_at_most(options), "an encoded frame")
        encoded = generate_frames(stream, number_of_frames=frames, extended_offsets=offsets)
        for frame in islice(encoded, frames):
            stream.start()
            yield decode_frame(frame, file.syntax, {**options, "number_of_frames": 1})
    elif UID(file.syntax).is_encapsulated:
        raise Refused(
            Reason.UNSUPPORTED, "a video or unknown DICOM transfer syntax; send JPEG, JPEG-LS, JPEG 2000 or RLE"
        )
    else:
        native = get_decoder(ExplicitVRLittleEndian if file.syntax == DeflatedExplicitVRLittleEndian else file.syntax)
        for array, properties in native.iter_array(file.stream, **options):
            yield array, str(properties["photometric_interpretation"])


def _encoded_at_most(options: dict[str, Any]) -> int:
    """Bytes of one frame with the table of offsets: no codec needs twice what it encodes."""
    bits: int = options["rows"] * options["columns"] * options["samples_per_pixel"] * options["bits_allocated"]
    return 2**20 + 2 * (bits // 8)


def _pixel_element(file: OpenedDicom) -> dict[str, str]:
    """Step over the pixel element's tag, VR and length; its keyword, and its VR where it is written."""
    syntax = UID(ExplicitVRLittleEndian if file.syntax == DEFLATED_FRAMES else file.syntax)
    order = "<" if syntax.is_little_endian else ">"
    group, element, vr, _ = struct.unpack(f"{order}HH2sH", file.stream.read(8))
    keyword = {"pixel_keyword": PIXEL_KEYWORDS[group << 16 | element]}
    if syntax.is_implicit_VR or not vr.isalpha():  # some senders write implicit VR under an explicit syntax
        return keyword
    file.stream.read(4)
    return {**keyword, "pixel_vr": vr.decode("ascii")}


def _shown(frame: NDArray[Any], photometric: str, header: Dataset) -> NDArray[np.float32]:
    if photometric == "PALETTE COLOR":
        frame, photometric = apply_color_lut(frame, header), "RGB"
        return frame.astype(np.float32) / np.float32(np.iinfo(frame.dtype).max)
    if photometric == "RGB":
        return frame.astype(np.float32) / np.float32(2 ** int(header.BitsStored) - 1)
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise Refused(Reason.UNSUPPORTED, "DICOM colours are neither grey, palette, RGB nor YBR; convert to RGB")
    grey = windowed(_rescaled(frame, header).astype(np.float32), _measured(frame, header))
    if not np.isfinite(grey).all():
        raise ValueError("not finite")
    return 1 - grey if photometric == "MONOCHROME1" else grey


def _rescaled(frame: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """In the modality's own unit, or as stored where a sender left that open: blank, or a slope of 0 for `none`."""
    said = header.get("RescaleSlope") and header.get("RescaleIntercept") is not None
    return apply_modality_lut(frame, header) if said or header.get("ModalityLUTSequence") else frame


def _measured(frame: NDArray[Any], header: Dataset) -> NDArray[np.bool_] | None:
    """Which pixels are no padding: that is one value, or a range of them from it to a limit on either side."""
    padding = header.get("PixelPaddingValue")
    if padding is None:
        return None
    limit = header.get("PixelPaddingRangeLimit")
    low, high = sorted((padding, padding if limit is None else limit))
    return np.asarray((frame < low) | (frame > high))
