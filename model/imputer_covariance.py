"""The covariance of all embeddings together, from rows of which most lack something: EM with pseudo-rows of noise."""

from typing import NamedTuple

import torch
from torch import Tensor

from model.imputer_anchor import conditional

_LEAST_SCALE = 1e-3
"""A dimension that hardly varies is measured against this share of the modality's typical deviation."""


class Standard(NamedTuple):
    """Rows in standard units, absent slots zero, and what it takes to undo that."""

    rows: Tensor
    """(N, M, D) float64."""
    centre: Tensor
    """(M, D)."""
    scale: Tensor
    """(M, D), positive."""


def standardised(embeddings: Tensor, present: Tensor) -> Standard:
    """Each dimension by its mean and deviation over the rows (N, M, D) that have it (N, M); 0 and 1 where none has."""
    seen = present.unsqueeze(-1)
    rows, count = embeddings.double().masked_fill(~seen, 0.0), seen.sum(0).clamp_min(1)
    centre = rows.sum(0) / count
    scale = ((rows - centre).square().masked_fill(~seen, 0.0).sum(0) / count).sqrt()
    typical = scale.median(-1, keepdim=True).values
    scale = torch.maximum(scale, _LEAST_SCALE * typical)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return Standard(((rows - centre) / scale).masked_fill(~seen, 0.0), centre, scale)


class Moments:
    """Rows (N, M, D) and present (N, M) sorted by pattern: all that EM needs of them."""

    def __init__(self, rows: Tensor, present: Tensor) -> None:
        self.width = rows.shape[1] * rows.shape[2]
        self.rows = len(rows)
        self.parts: list[tuple[Tensor, Tensor, Tensor, int]] = []
        for pattern in torch.unique(present[present.any(1)], dim=0):
            same = (present == pattern).all(1)
            dims = pattern.repeat_interleave(rows.shape[2])
            seen = rows[same].flatten(1)[:, dims]
            places = torch.nonzero(dims).squeeze(1), torch.nonzero(~dims).squeeze(1)
            self.parts.append((*places, seen.T @ seen, len(seen)))

    def expected(self, covariance: Tensor) -> Tensor:
        """The E-step: the expected sum of outer products (X, X) of the completed rows under this covariance."""
        total = torch.zeros_like(covariance)
        for seen, hidden, square, count in self.parts:
            weight, rest = conditional(covariance, hidden, seen)  # (I, T), (T, T)
            across = square @ weight
            total[seen[:, None], seen] += square
            total[seen[:, None], hidden] += across
            total[hidden[:, None], seen] += across.T
            total[hidden[:, None], hidden] += weight.T @ across + count * rest
        return total

    def improve(self, covariance: Tensor, pseudo_rows: float, rounds: int) -> Tensor:
        """EM for the most likely covariance with `pseudo_rows` rows of independent unit noise added (MAP).

        The pseudo-rows are an inverse Wishart prior (Schafer 1997, 5.2.2): the linear shrinkage of Ledoit and
        Wolf, but for rows with gaps. One round is exact where no row has any.
        """
        counted = sum(count for *_, count in self.parts)
        noise = pseudo_rows * torch.eye(len(covariance), dtype=covariance.dtype)
        for _ in range(rounds if any(len(hidden) for _, hidden, *_ in self.parts) else 1):
            covariance = (self.expected(covariance) + noise) / (counted + pseudo_rows)
        return covariance
