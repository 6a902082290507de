"""Streams of rows cut into batches of one shape, so that nothing depends on how they were chunked before."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray


def fixed_batches(
    chunks: Iterable[NDArray[np.float32]], size: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Chunks (n, ...) of any n, one after another -> rows (size, ...) and present (size,); the last one is padded.

    Holds one chunk and one batch at a time.
    """
    batch: NDArray[np.float32] | None = None
    filled = 0
    for chunk in chunks:
        start = 0
        while start < len(chunk):
            if batch is None:
                batch, filled = np.zeros((size, *chunk.shape[1:]), np.float32), 0
            taken = min(size - filled, len(chunk) - start)
            batch[filled : filled + taken] = chunk[start : start + taken]
            filled, start = filled + taken, start + taken
            if filled == size:
                yield batch, np.ones(size, np.bool_)
                batch = None
    if batch is not None:
        yield batch, np.arange(size) < filled
