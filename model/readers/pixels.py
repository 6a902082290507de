"""Pictures as the encoders take them: float32 (3, S, S) in [0, 1], and which of them show only glass."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

Tile = NDArray[np.float32]
"""(3, S, S) in [0, 1]; monochrome is repeated on the three channels."""

GLASS_BRIGHTNESS = 0.8
GLASS_SATURATION = 0.07
OUTSIDE_BRIGHTNESS = 0.05
MIN_TISSUE = 0.1


def windowed(values: NDArray[np.float32], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Stretch the 1st to 99th percentile of the valid values of (H, W) over [0, 1]; a flat picture gives zeros."""
    shown = values if valid is None or not valid.any() else values[valid]
    low, high = (float(edge) for edge in np.percentile(shown, [1, 99]))
    if high <= low:
        return np.zeros_like(values)
    stretched = (values - np.float32(low)) / np.float32(high - low)
    return np.asarray(stretched.clip(0, 1), dtype=np.float32)


def to_tile(picture: NDArray[np.float32], size: int) -> Tile:
    """Resize (H, W) or (H, W, 3) in [0, 1] to (3, S, S): bilinear, averaging over areas where it shrinks."""
    channels = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)  # (C, H, W)
    batch = torch.from_numpy(np.ascontiguousarray(channels))[None]
    if batch.shape[-2:] != (size, size):
        batch = interpolate(batch, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    resized = batch[0].clamp(0, 1).expand(3, size, size)
    return np.ascontiguousarray(resized.numpy(), dtype=np.float32)


def cut(picture: NDArray[np.float32], size: int) -> Iterator[Tile]:
    """Cut (H, W) or (H, W, 3) into a grid of (3, S, S) tiles; what is left at an edge is resized to a whole tile.

    Strips thinner than half a tile at an edge are left out, save where the picture is no larger.
    """
    height, width = picture.shape[:2]
    for row in range(grid_length(height, size)):
        for column in range(grid_length(width, size)):
            part = picture[row * size : (row + 1) * size, column * size : (column + 1) * size]
            yield to_tile(part, size)


def grid_length(length: int, size: int) -> int:
    """How many tiles `cut` makes along one side."""
    return max((length + size // 2) // size, 1)


def is_background(tile: Tile) -> bool:
    """True where less than a tenth of the pixels shows tissue.

    A pixel is glass where it is bright (HSV value over 0.8) and colourless (saturation under 0.07),
    and outside the scan where it is black (value under 0.05). All else counts as tissue.
    """
    value = tile.max(axis=0)  # (S, S)
    saturation = (value - tile.min(axis=0)) / np.maximum(value, np.float32(1e-6))
    glass = (value > GLASS_BRIGHTNESS) & (saturation < GLASS_SATURATION)
    outside = value < OUTSIDE_BRIGHTNESS
    return float(np.mean(~(glass | outside))) < MIN_TISSUE
