"""In what order patients are shown: shuffled anew each epoch, from a generator that is given."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from model.encoders.hashing import stable_hash


def shuffled(rows: Tensor, size: int, generator: torch.Generator, least: int = 2) -> Iterator[Tensor]:
    """The rows in a random order, `size` at a time; a last batch of fewer than `least` is left out."""
    order = rows[torch.randperm(len(rows), generator=generator)]
    yield from (batch for batch in torch.split(order, size) if len(batch) >= least)


def held_out(patients: Sequence[str], share: float, seed: int) -> Tensor:
    """Which of the patients are held out for validation: (N,) bool, by a hash of each name alone."""
    drawn = np.array([stable_hash(f"{seed}:{patient}") % 10_000 / 10_000 for patient in patients])
    return torch.from_numpy(drawn < share)
