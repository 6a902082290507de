"""TIFF that OpenSlide does not take (no tiles, 16 bit, planar, newer codecs): segment by segment, in constant memory.

Of several pages the largest is read: the others are smaller levels, labels and macros.
"""

import logging
import struct
from collections.abc import Iterator
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC, TiffFile, TiffFileError, TiffPage

from model.readers.codestreams import j2k_shape, jpeg_shape
from model.readers.pixels import Tile, cut, grid_length
from schemas.errors import Reason, Refused

# tifffile quotes the text of the tags it doubts in log lines: a name or an id would reach the log (promise 7).
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)

# What tifffile, imagecodecs and numpy raise on a file that is not what it says.
_BROKEN = (
    *(TiffFileError, ValueError, RuntimeError, KeyError, IndexError, TypeError, AttributeError, OSError, EOFError),
    *(struct.error, ArithmeticError),
)
_MAX_PAGES = 10_000
_PLAIN = frozenset({PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE})
_JPEG = frozenset({7, 33007, 34892})
"""Compressions whose YCbCr tifffile turns into RGB, where there are no further samples."""
_J2K = frozenset({33004, 33005, 34712})
"""Not 33003, Aperio's in YCbCr: outside of an SVS nobody would turn it into RGB."""
_BYTES = frozenset({1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000})
"""Compressions of bytes, which give no more of them than a segment has."""
_HEAD = 2**16
_LAB = frozenset({PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB, PHOTOMETRIC.ITULAB})
"""OpenSlide gives these up to a twelfth of the range off: their white is not adapted to the screen's."""


def check_tiff(path: Path, segment_pixels: int) -> bool:
    """Whether it is a TIFF; Refused where one stored tile is too large to be decoded, or in colours read wrongly."""
    try:
        with TiffFile(path) as file:
            pages = _pages(file)  # OpenSlide may read any of them
            is_lab = any(page.photometric in _LAB for page in pages)
            too_large = any(page.is_tiled and _decoded_at_once(page) > segment_pixels for page in pages)
    except _BROKEN:
        return False
    if is_lab:
        raise _other_colours()
    if too_large:
        raise _too_large(segment_pixels)
    return True


def check_one_picture(path: Path) -> None:
    """Refused where several pages are the largest: channels, focal planes or fields, of which one would be read."""
    try:
        with TiffFile(path) as file:
            pages = [page for page in _pages(file) if not page.is_mask]
            sizes = [page.imagewidth * page.imagelength for page in pages]
    except _BROKEN as broken:
        raise _broken() from broken
    if sizes.count(max(sizes, default=0)) > 1:
        raise Refused(
            Reason.UNSUPPORTED,
            "a TIFF of several pictures of one size (channels, focal planes, fields); send one, as tiled RGB",
        )


def read_tiff(path: Path, size: int, max_tiles: int, segment_pixels: int) -> Iterator[Tile]:
    """Yield (3, size, size) tiles, background and all, of the largest page; raise Refused."""
    try:
        with TiffFile(path) as file:
            page = _largest(file)
            if not page.is_tiled and _decoded_at_once(page) > segment_pixels:
                raise _too_large(segment_pixels)
            _check_colours(page)
            _check_compression(page, file, segment_pixels)
            stride = -(-_tiles_at_most(page, size) // max_tiles)
            tiles = (tile for segment in _segments(page) for tile in cut(_scaled(segment, page), size))
            yield from islice(tiles, 0, None, stride)
    except _BROKEN as broken:
        raise _broken() from broken


def _check_colours(page: TiffPage) -> None:
    to_rgb = page.photometric == PHOTOMETRIC.YCBCR and page.compression in _JPEG and not page.extrasamples
    if page.photometric not in _PLAIN and not to_rgb:
        raise _other_colours()


def _check_compression(page: TiffPage, file: TiffFile, segment_pixels: int) -> None:
    """A picture in a segment may claim any size, whatever the page says, and would be decoded to it."""
    if page.compression not in _BYTES | _JPEG | _J2K:
        raise other_compression()
    shape_of = {**dict.fromkeys(_JPEG, jpeg_shape), **dict.fromkeys(_J2K, j2k_shape)}.get(page.compression)
    if shape_of is None:
        return
    for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.filehandle.seek(offset)
        shape = shape_of(file.filehandle.read(min(length, _HEAD))) if length else (0, 0)
        if shape is None:
            raise ValueError("a segment that is no picture")
        if prod(shape) > segment_pixels:
            raise _too_large(segment_pixels)


def _pages(file: TiffFile) -> list[TiffPage]:
    if len(file.pages) > _MAX_PAGES:
        raise ValueError("too many pages")
    return [page for page in file.pages if isinstance(page, TiffPage)]


def _largest(file: TiffFile) -> TiffPage:
    return max(_pages(file), key=lambda page: page.imagewidth * page.imagelength)


def _decoded_at_once(page: TiffPage) -> int:
    """Pixels of a stored tile, or of a page without tiles; every four samples of a pixel count as one."""
    pixels = page.tilewidth * page.tilelength * page.tiledepth
    if not page.is_tiled:
        pixels = page.imagewidth * page.imagelength * page.imagedepth
    return pixels * -(-page.samplesperpixel // 4)


def _tiles_at_most(page: TiffPage, size: int) -> int:
    if not page.is_tiled:
        return grid_length(page.imagelength, size) * grid_length(page.imagewidth, size)
    stored = -(-page.imagelength // page.tilelength) * -(-page.imagewidth // page.tilewidth)
    return stored * grid_length(page.tilelength, size) * grid_length(page.tilewidth, size)


def _segments(page: TiffPage) -> Iterator[NDArray[Any]]:
    """(H, W) or (H, W, C) arrays, one decoded at a time."""
    if prod(page.chunked) > len(page.dataoffsets):  # tifffile would list all that are claimed before it reads one
        raise ValueError("more tiles or strips than the file has")
    if not page.is_tiled:
        yield page.asarray()
        return
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        raise Refused(Reason.UNSUPPORTED, "a tiled TIFF with its colours in separate planes; save it as tiled RGB")
    for data, _, shape in page.segments(maxworkers=1):
        if data is not None:
            _, length, width, samples = shape
            yield data[0, :length, :width, 0] if samples == 1 else data[0, :length, :width]


def _scaled(segment: NDArray[Any], page: TiffPage) -> NDArray[np.float32]:
    if segment.dtype.kind not in "ub":
        raise Refused(Reason.UNSUPPORTED, "a TIFF of signed or floating point values; save it as 8 or 16 bit RGB")
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        return np.asarray(page.colormap.T[segment] / 65535, dtype=np.float32)
    if segment.ndim == 3 and segment.shape[-1] not in (3, 4):
        raise Refused(Reason.UNSUPPORTED, "a TIFF page of neither 1, 3 nor 4 samples a pixel; save it as tiled RGB")
    most = 1 if segment.dtype.kind == "b" else 2**page.bitspersample - 1  # of 12 bits, 4095: they come as 16
    scaled = np.asarray(segment[..., :3] if segment.ndim == 3 else segment, dtype=np.float32) / np.float32(most)
    return 1 - scaled if page.photometric == PHOTOMETRIC.MINISWHITE else scaled


def _broken() -> Refused:
    return Refused(
        Reason.UNREADABLE_FILE, "the TIFF is broken or cut short; save it again, with tiles in JPEG, LZW or Deflate"
    )


def _other_colours() -> Refused:
    return Refused(
        Reason.UNSUPPORTED,
        "a TIFF in CMYK, CIELAB or others than grey, a palette, RGB or the YCbCr of a JPEG; save it as tiled RGB",
    )


def other_compression() -> Refused:
    """The refusal of a TIFF whose segments are compressed by what is not read."""
    return Refused(
        Reason.UNSUPPORTED,
        "a TIFF in a compression that is not read so; save it with tiles in JPEG, LZW or Deflate (an SVS as its "
        "scanner wrote it may have JPEG 2000 too)",
    )


def _too_large(segment_pixels: int) -> Refused:
    return Refused(
        Reason.TOO_LARGE,
        f"a TIFF that must be decoded more than {segment_pixels} pixels at once; save it as a tiled, pyramidal TIFF",
    )
