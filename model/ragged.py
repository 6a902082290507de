"""Items of many lengths as one padded tensor, and what training hides of them at random."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def kept_at_random(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Bool of that shape, false for 3 of 10: what training hides, so that no single detail is learnt by heart."""
    return torch.rand(tuple(shape), generator=generator) >= 0.3


def stacked(items: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Items (n_i, ...) of any n_i -> (B, N, ...) padded with zeros, present (B, N) bool."""
    return regrouped(torch.from_numpy(np.concatenate(items)), [len(item) for item in items])


def regrouped(rows: Tensor, counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Rows (sum of counts, ...) -> (B, N, ...) padded with zeros, present (B, N) bool."""
    padded = nn.utils.rnn.pad_sequence(list(torch.split(rows, list(counts))), batch_first=True)
    present = torch.arange(padded.shape[1]).unsqueeze(0) < torch.tensor(counts).unsqueeze(1)
    return padded, present.to(rows.device)


def gene_matrix(
    sources: Sequence[Mapping[str, float]], genes: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values (N, G), 0 where not measured, and measured (N, G) of N sources."""
    values = np.array([[source.get(gene, np.nan) for gene in genes] for source in sources], np.float32)
    return np.nan_to_num(values), ~np.isnan(values)
