"""A pyramidal tiled BigTIFF of any size on paper and a few megabytes on disk: its tiles are a few, repeated."""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

TILE = 256
_TILE_BYTES = TILE * TILE * 3
_DISTINCT = 16
_SHORT, _LONG, _LONG8 = 3, 4, 16
_SIZES = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}


def write_slide(path: Path, pixel_bytes: int) -> None:
    """A square RGB slide whose finest level holds about `pixel_bytes` uncompressed; each level half the one before."""
    side = max(round((pixel_bytes / _TILE_BYTES) ** 0.5), 1)
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        places = _write_tiles(file)
        link, level = 8, 0
        while side >> level:
            link = _write_level(file, side >> level, level, places, link)
            level += 1


def _write_tiles(file: BinaryIO) -> list[tuple[int, int]]:
    """The distinct tiles, of a tissue's colours; returns (offset, bytes) of each."""
    rng, places = np.random.default_rng(5), []
    for _ in range(_DISTINCT):
        pixels = rng.integers((120, 40, 110), (220, 140, 200), size=(TILE, TILE, 3)).astype(np.uint8)
        packed = zlib.compress(pixels.tobytes(), 1)
        places.append((file.tell(), len(packed)))
        file.write(packed)
    return places


def _write_level(file: BinaryIO, side: int, level: int, places: list[tuple[int, int]], link: int) -> int:
    """One page of side × side tiles; returns where the link to the next page is."""
    chosen = [places[number % _DISTINCT] for number in range(side * side)]
    entries = [
        (254, _LONG, [1 if level else 0]),  # a reduced image
        (256, _LONG, [side * TILE]),
        (257, _LONG, [side * TILE]),
        (258, _SHORT, [8, 8, 8]),
        (259, _SHORT, [8]),  # deflate
        (262, _SHORT, [2]),  # RGB
        (277, _SHORT, [3]),
        (284, _SHORT, [1]),
        (322, _LONG, [TILE]),
        (323, _LONG, [TILE]),
        (324, _LONG8, [offset for offset, _ in chosen]),
        (325, _LONG8, [length for _, length in chosen]),
    ]
    packed = [(tag, kind, len(values), _stored(file, kind, values)) for tag, kind, values in entries]
    start = file.seek(0, 2)
    file.write(struct.pack("<Q", len(packed)))
    for tag, kind, count, value in packed:
        file.write(struct.pack("<HHQ8s", tag, kind, count, value))
    file.write(struct.pack("<Q", 0))
    file.seek(link)
    file.write(struct.pack("<Q", start))
    file.seek(0, 2)
    return start + 8 + 20 * len(packed)


def _stored(file: BinaryIO, kind: int, values: list[int]) -> bytes:
    """The values themselves where eight bytes hold them, else where they are."""
    content = struct.pack(f"<{len(values)}{_SIZES[kind]}", *values)
    if len(content) <= 8:
        return content.ljust(8, b"\0")
    where = file.seek(0, 2)
    file.write(content)
    return struct.pack("<Q", where)
