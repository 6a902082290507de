"""Slides of any size, tile by tile in constant memory: OpenSlide (DICOM WSI, SVS, tiled TIFF), else tifffile.

Tiles are taken from the coarsest level at least as fine as the wanted pixel size, on a regular grid. Where that grid
has more tiles than the bound, every second, third, ... row and column of it is read: the same ones each time.
Tiles of background (`pixels.is_background`) are skipped; they count towards the bound, which is one of work.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from openslide import (
    PROPERTY_NAME_MPP_X,
    PROPERTY_NAME_VENDOR,
    OpenSlide,
    OpenSlideError,
    OpenSlideUnsupportedFormatError,
)
from PIL import Image

from model.readers.pixels import Tile, is_background, to_tile
from model.readers.tiff import check_one_picture, check_tiff, other_compression, read_tiff
from schemas.errors import Reason, Refused

_OTHER = "Unsupported TIFF compression"
"""What OpenSlide says of a whole file whose tiles it has no decoder for."""


@dataclass(frozen=True)
class SlideRules:
    """At what size a slide is read, and how much of it."""

    microns_per_pixel: float = 0.5
    max_tiles: int = 4096
    segment_pixels: int = 2**25
    """Of a tile as the file stores it, or of a page that is not tiled: what must be decoded at once."""
    max_shrink: float = 16.0
    """A tile is read from at most this many times its size, where a file has no coarser level."""


def read_slide(paths: Sequence[Path], size: int, rules: SlideRules) -> Iterator[Tile]:
    """Yield the (3, size, size) tiles of one slide that show tissue; raise Refused.

    Several paths are the files of one DICOM slide. OpenSlide looks for such files beside the one it opens, so it is
    given a folder of links with these alone: nothing is read that the event did not name.
    """
    with ExitStack() as opened:
        link = _linked(paths, opened)
        try:
            is_tiff = check_tiff(link, rules.segment_pixels)
            slide = opened.enter_context(OpenSlide(link))
        except OpenSlideUnsupportedFormatError as unknown:
            if not is_tiff:
                raise Refused(
                    Reason.UNSUPPORTED, "neither a slide nor a TIFF that can be read; send DICOM WSI, SVS or tiled TIFF"
                ) from unknown
            check_one_picture(link)
            yield from _tissue(read_tiff(link, size, rules.max_tiles, rules.segment_pixels))
            return
        except OpenSlideError as broken:
            raise (other_compression() if _OTHER in str(broken) else _unreadable()) from broken
        if slide.properties.get(PROPERTY_NAME_VENDOR) == "generic-tiff":  # of scanners' own, OpenSlide knows the pages
            check_one_picture(link)
        yield from _tissue(_tiles(slide, size, rules))


def is_slide(paths: Sequence[Path]) -> bool:
    """Whether OpenSlide knows these DICOM files as a slide: its levels, in any order, beside its label or overview."""
    with ExitStack() as opened:
        try:
            OpenSlide(_linked(paths, opened)).close()
        except OpenSlideError:
            return False
    return True


def _linked(paths: Sequence[Path], opened: ExitStack) -> Path:
    """The first of links to these files, which lie in a folder with no others until `opened` closes."""
    folder = Path(opened.enter_context(TemporaryDirectory()))
    links = [folder / f"{place:06d}" for place in range(len(paths))]
    for link, path in zip(links, paths, strict=True):
        link.symlink_to(path.resolve())
    return links[0]


def grid(width: int, height: int, side: int, max_tiles: int) -> list[tuple[int, int]]:
    """The (left, top) of the tiles to read: all whole ones, or a regular part of them within the bound.

    A picture smaller than a tile gives one, at its corner.
    """
    columns, rows = max(width // side, 1), max(height // side, 1)
    stride = 1
    while -(-columns // stride) * -(-rows // stride) > max_tiles:
        stride += 1
    return [(x * side, y * side) for y in range(0, rows, stride) for x in range(0, columns, stride)]


def _tiles(slide: OpenSlide, size: int, rules: SlideRules) -> Iterator[Tile]:
    level, shrink = _level(slide, rules)
    side = round(size * shrink)
    scale = slide.level_downsamples[level]
    try:
        for left, top in grid(*slide.level_dimensions[level], side, rules.max_tiles):
            corner = (round(left * scale), round(top * scale))
            yield to_tile(_on_white(slide.read_region(corner, level, (side, side))), size)
    except OpenSlideError as broken:
        raise _unreadable() from broken


def _level(slide: OpenSlide, rules: SlideRules) -> tuple[int, float]:
    """The level to read, and how many of its pixels make one pixel of a tile (1 where the scale is not known)."""
    try:
        finest = float(slide.properties.get(PROPERTY_NAME_MPP_X, "nan"))
    except ValueError:
        finest = float("nan")
    if not isfinite(finest) or not 0.01 <= finest <= 100:
        return 0, 1.0
    wanted = max(rules.microns_per_pixel / finest, 1.0)  # in pixels of level 0; never enlarged
    level = slide.get_best_level_for_downsample(wanted)
    return level, min(max(wanted / slide.level_downsamples[level], 1.0), rules.max_shrink)


def _on_white(region: Image.Image) -> NDArray[np.float32]:
    """RGBA to (H, W, 3) in [0, 1]; what the scanner did not see is white, as glass is."""
    rgba = np.asarray(region, dtype=np.float32) / np.float32(255)
    return np.asarray(rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:]), dtype=np.float32)


def _tissue(tiles: Iterator[Tile]) -> Iterator[Tile]:
    return (tile for tile in tiles if not is_background(tile))


def _unreadable() -> Refused:
    return Refused(Reason.UNREADABLE_FILE, "the slide is broken or cut short; export it again and send a correction")
