"""Evidence of one modality as arrays of fixed shape, and many patients' arrays as one batch of tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Features = dict[str, NDArray[Any]]
"""Arrays of one patient; shapes depend on the network's sizes alone."""

Batch = dict[str, Tensor]
"""The same arrays of B patients, a new first axis."""


def batch_of(rows: Sequence[Features]) -> Batch:
    """Stack the rows' arrays."""
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}


def padded(rows: Sequence[Features], size: int) -> Batch:
    """Stack at most `size` rows, the last one repeated up to `size`: a batch's shape never varies (DESIGN §8)."""
    return batch_of([*rows, *[rows[-1]] * (size - len(rows))])
