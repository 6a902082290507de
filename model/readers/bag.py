"""Bags of features already extracted: `features` (N, D) in an .npz or an HDF5 file, read a few rows at a time."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import h5py
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from schemas.errors import Reason, Refused

Chunk = NDArray[np.float32]
"""(n, D), finite."""

NAME = "features"
_BROKEN_ZIP = (BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)


@dataclass(frozen=True)
class BagLimits:
    """What a bag may ask for before any of it is read."""

    rows: int = 4096
    """Read at a time."""
    width: int = 8192
    total_bytes: int = 2**33
    chunk_bytes: int = 2**28
    """Of one HDF5 storage chunk, which is inflated whole."""


def read_npz(path: Path, limits: BagLimits) -> Iterator[Chunk]:
    """Yield (n, D) float32 from the array `features` of an .npz, never unpickling; raise Refused."""
    with ExitStack() as opened:
        try:
            stream = opened.enter_context(opened.enter_context(ZipFile(path)).open(f"{NAME}.npy"))
            shape, dtype = _npy_header(stream)
        except KeyError as absent:
            raise _unreadable(f"no array `{NAME}`") from absent
        except _BROKEN_ZIP as broken:
            raise _unreadable("a broken .npz") from broken
        total, width = _check(shape, dtype, limits)
        for start in range(0, total, limits.rows):
            count = min(limits.rows, total - start)
            try:
                raw = stream.read(count * width * dtype.itemsize)
                rows = np.frombuffer(raw, dtype=dtype).reshape(count, width)
            except _BROKEN_ZIP as broken:
                raise _unreadable("fewer rows than promised") from broken
            yield _finite(rows)


def read_hdf5(path: Path, limits: BagLimits) -> Iterator[Chunk]:
    """Yield (n, D) float32 from the dataset `features` of an HDF5 file; raise Refused.

    Only data stored in the file itself is read: links and datasets that point to other files are refused.
    """
    with ExitStack() as opened:
        try:
            file = opened.enter_context(h5py.File(path, "r", locking=False))
            data = _own_dataset(file)
            total, _ = _check(data.shape, data.dtype, limits)
            if data.chunks is not None and prod(data.chunks) * data.dtype.itemsize > limits.chunk_bytes:
                raise Refused(Reason.TOO_LARGE, f"HDF5 chunks over {limits.chunk_bytes} bytes; write smaller chunks")
        except (OSError, RuntimeError, ValueError, TypeError, KeyError) as broken:
            raise _unreadable("a broken HDF5 file") from broken
        for start in range(0, total, limits.rows):
            try:
                rows = data[start : min(start + limits.rows, total)]
            except (OSError, RuntimeError, ValueError) as broken:
                raise _unreadable("rows that cannot be read") from broken
            yield _finite(rows)


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    major, _ = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
    shape, by_columns, dtype = read(stream)
    if by_columns and len(shape) == 2 and min(shape) > 1:
        raise Refused(Reason.UNSUPPORTED, "features stored by columns; save numpy.ascontiguousarray(features)")
    return shape, dtype


def _own_dataset(file: h5py.File) -> Any:
    if NAME not in file or not isinstance(file.get(NAME, getlink=True), h5py.HardLink):
        raise _unreadable(f"no dataset `{NAME}` of its own")
    data = file[NAME]
    if not isinstance(data, h5py.Dataset) or data.external is not None or data.is_virtual:
        raise _unreadable(f"`{NAME}` that is not a dataset stored in this file")
    return data


def _check(shape: tuple[int, ...] | None, dtype: np.dtype[Any], limits: BagLimits) -> tuple[int, int]:
    if shape is None or len(shape) != 2 or dtype.kind not in "fiu":
        rank = 0 if shape is None else len(shape)
        raise _unreadable(f"an array of rank {rank} and kind {dtype.kind!r} (wanted: numbers, rank 2)")
    total, width = shape
    if total < 0 or width < 0:
        raise _unreadable("an array of a negative shape")
    if width > limits.width or total * width * dtype.itemsize > limits.total_bytes:
        raise Refused(
            Reason.TOO_LARGE,
            f"a bag of {total} × {width} features; at most {limits.width} wide and {limits.total_bytes} bytes are read",
        )
    if total == 0 or width == 0:
        raise Refused(Reason.NOTHING_TO_READ, "a bag of features without a row; send the series when it has some")
    return total, width


def _finite(rows: NDArray[Any]) -> Chunk:
    with np.errstate(over="ignore", invalid="ignore"):
        chunk = rows.astype(np.float32)
    if not np.isfinite(chunk).all():
        raise _unreadable("values that are not finite in float32")
    return chunk


def _unreadable(found: str) -> Refused:
    return Refused(
        Reason.UNREADABLE_FILE, f"the bag holds {found}; write a finite float32 array `{NAME}` (N, D) and send it again"
    )
