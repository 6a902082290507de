"""One encoded DICOM frame to an array, through decoders whose licences let us ship them.

pylibjpeg-libjpeg (GPL) is never called, even where it is installed: each transfer syntax names its one decoder.
"""

import zlib
from typing import Any

import imagecodecs
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from model.readers.codestreams import j2k_shape, jpeg_shape, start_of_frame

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression (DICOM 2024c), which pydicom 3.0 does not know."""

_PLUGINS = {
    **dict.fromkeys(map(str, JPEG2000TransferSyntaxes), "pylibjpeg"),  # pylibjpeg-openjpeg, MIT; HTJ2K too
    **dict.fromkeys(map(str, JPEGLSTransferSyntaxes), "pyjpegls"),  # MIT
    str(RLELossless): "pydicom",
}
_JPEG = frozenset(map(str, JPEGTransferSyntaxes)) - frozenset(map(str, JPEGLSTransferSyntaxes))
ENCAPSULATED = frozenset(_PLUGINS) | _JPEG | {DEFLATED_FRAMES}

_END_OF_IMAGE = b"\xff\xd9"


def decode_frame(frame: bytes, syntax: str, options: dict[str, Any]) -> tuple[NDArray[Any], str]:
    """Decode to (H, W) or (H, W, 3), and say the photometric interpretation that came out of it.

    Whatever a codestream claims beyond the header's rows and columns is refused (ValueError) before it is decoded.
    """
    rows, columns = options["rows"], options["columns"]
    if syntax == DEFLATED_FRAMES:
        return _decode_deflated(frame, options)
    if syntax in _JPEG or syntax in JPEGLSTransferSyntaxes:
        if jpeg_shape(frame) != (rows, columns):
            raise ValueError("the JPEG codestream and the header disagree on the size")
        if _END_OF_IMAGE not in frame[-16:]:  # libjpeg would paint what is missing grey, and say nothing
            raise ValueError("the JPEG codestream is cut short")
    elif syntax in JPEG2000TransferSyntaxes and j2k_shape(frame) != (rows, columns):
        raise ValueError("the JPEG 2000 codestream and the header disagree on the size")
    if syntax in _JPEG:
        return _decode_jpeg(frame, options)
    decoder = get_decoder(syntax)
    array, properties = decoder.as_array(encapsulate([frame]), decoding_plugin=_PLUGINS[syntax], **options)
    return array, str(properties["photometric_interpretation"])


def _decode_deflated(frame: bytes, options: dict[str, Any]) -> tuple[NDArray[Any], str]:
    bits = options["rows"] * options["columns"] * options["samples_per_pixel"] * options["bits_allocated"]
    wanted = (bits + 7) // 8
    raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, wanted + 1)[:wanted]  # at most a byte of padding
    native = {**options, "pixel_vr": "OB" if options["bits_allocated"] <= 8 else "OW"}
    array, properties = get_decoder(ExplicitVRLittleEndian).as_array(raw + b"\0" * (len(raw) % 2), **native)
    return array, str(properties["photometric_interpretation"])


def _decode_jpeg(frame: bytes, options: dict[str, Any]) -> tuple[NDArray[Any], str]:
    """Baseline, extended and lossless JPEG, 8 to 16 bit (libjpeg-turbo 3, as imagecodecs brings it)."""
    photometric = str(options["photometric_interpretation"])
    if options["samples_per_pixel"] == 3:
        array = imagecodecs.jpeg8_decode(frame, colorspace=_jpeg_colours(frame, photometric), outcolorspace="RGB")
        return array, "RGB"
    array = imagecodecs.jpeg8_decode(frame)
    if options["pixel_representation"] == 1:  # two's complement in the stored bits: carry the sign up
        spare = array.dtype.itemsize * 8 - options["bits_stored"]
        array = (array << spare).view(f"i{array.dtype.itemsize}") >> spare
    return array, photometric


def _jpeg_colours(frame: bytes, photometric: str) -> str:
    """The Adobe marker says best, then the ids R, G, B, then JFIF, then the DICOM header (as pydicom does)."""
    at = frame.find(b"\xff\xee\x00\x0eAdobe", 0, 65536)
    if at >= 0:
        return "YCBCR" if frame[at + 15] == 1 else "RGB"
    if _component_ids(frame) in (b"RGB", b"rgb"):
        return "RGB"
    is_jfif = frame.find(b"\xff\xe0", 0, 4) == 2 and frame[6:10] == b"JFIF"
    return "YCBCR" if is_jfif or photometric.startswith("YBR") else "RGB"


def _component_ids(frame: bytes) -> bytes:
    at = start_of_frame(frame)
    return frame[at + 8 : at + 17 : 3] if at > 0 else b""
