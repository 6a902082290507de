"""Evidence of one modality as arrays of fixed shape, those of many patients in one, and as one batch of tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

Features = dict[str, NDArray[Any]]
"""Arrays of B patients, the first axis; the other axes depend on the network's sizes alone."""

Batch = dict[str, Tensor]
"""The same as tensors."""


def batch_of(features: Features) -> Batch:
    """The arrays as tensors, which share their memory."""
    return {name: torch.from_numpy(array) for name, array in features.items()}


def padded(features: Features, size: int) -> Batch:
    """At most `size` patients, the last one repeated up to `size`: a batch's shape never varies (DESIGN §8)."""
    return batch_of({name: _repeated(array, size) for name, array in features.items()})


def places_of(rows: Sequence[Sequence[Any]], size: int) -> NDArray[np.bool_]:
    """(B, size) bool: the first places of each row, as many as it has items."""
    return np.arange(size) < np.array([len(row) for row in rows])[:, None]


def filled(places: NDArray[np.bool_], values: Any, kind: DTypeLike = np.float32) -> NDArray[Any]:
    """Values (N, ...) at the N places that are true, row by row, zeros elsewhere: (B, size, ...).

    All rows' items at once: numpy takes as long for one number as for some dozens.
    """
    given = np.asarray(values, kind)
    array = np.zeros(places.shape + given.shape[1:], kind)
    array[places] = given
    return array


def _repeated(array: NDArray[Any], size: int) -> NDArray[Any]:
    missing = size - len(array)
    return np.concatenate((array, array[-1:].repeat(missing, 0))) if missing else array
