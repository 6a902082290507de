"""What the imputer must beat: the mean, nearest neighbours, the conditional Gaussian, and the mask alone.

Each is fitted on training rows (N, M, D), present (N, M), and then answers as the imputer does: embeddings
(B, M, D), present (B, M) -> mean, variance (B, M, D) of every modality, seeing neither the target nor what is absent.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.metrics.pairwise import nan_euclidean_distances
from torch import Tensor

from model.imputer_anchor import Anchor
from model.imputer_covariance import standardised

Guess = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""What an imputer does: embeddings (B, M, D), present (B, M) -> mean, variance (B, M, D)."""
_NEIGHBOURS = 10
_LEAST_COMPLETE = 5
"""Complete rows below which their covariance says nothing (of two rows, Ledoit and Wolf's shrinkage is 0)."""
_LEAST_VARIANCE = 0.01
"""Share of a dimension's variance below which neighbours are not believed to agree."""


class MeanImputer:
    """Each modality's mean and variance over the training rows that have it, whatever is shown."""

    def __init__(self, embeddings: Tensor, present: Tensor) -> None:
        standard = standardised(embeddings, present)
        self.mean, self.variance = standard.centre.float(), standard.scale.square().float()

    def __call__(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, variance (B, M, D)."""
        return self.mean.expand(embeddings.shape), self.variance.expand(embeddings.shape)


class MaskOnly:
    """Zeros with unit variance: all that a network has to go on which is told only that something is missing."""

    def __init__(self, embeddings: Tensor, present: Tensor) -> None:
        pass

    def __call__(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, variance (B, M, D)."""
        return torch.zeros_like(embeddings), torch.ones_like(embeddings)


class NearestImputer:
    """Mean and variance of the target among the nearest training rows that have it (scikit-learn's distance).

    The distance is over the dimensions, in standard units, that both rows show, scaled up for those they do not,
    as in `KNNImputer`; rows with none in common are never neighbours. With fewer than two neighbours the
    modality's mean and variance speak.
    """

    def __init__(self, embeddings: Tensor, present: Tensor) -> None:
        self.standard, self.present = standardised(embeddings, present), present
        self.table = _with_gaps(self.standard.rows, present)

    def __call__(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, variance (B, M, D)."""
        centre, scale = self.standard.centre, self.standard.scale
        rows = (embeddings.double() - centre) / scale
        guesses = [self._guess(rows, present, target) for target in range(rows.shape[1])]
        mean, variance = (torch.stack(part, 1) for part in zip(*guesses, strict=True))
        return (centre + scale * mean).float(), (scale.square() * variance).float()

    def _guess(self, rows: Tensor, present: Tensor, target: int) -> tuple[Tensor, Tensor]:
        """Standardised rows (B, M, D) -> mean, variance (B, D) in standard units."""
        mean, variance = torch.zeros_like(rows[:, 0]), torch.ones_like(rows[:, 0])
        shown = present.clone()
        shown[:, target] = False
        asked, known = torch.nonzero(shown.any(1)).squeeze(1), self.present[:, target]
        if len(asked) == 0 or not known.any():
            return mean, variance
        distances = nan_euclidean_distances(_with_gaps(rows[asked], shown[asked]), self.table[known.numpy()])
        distances = torch.from_numpy(distances).nan_to_num(nan=torch.inf)  # NaN: nothing in common
        near, places = distances.topk(min(_NEIGHBOURS, distances.shape[1]), largest=False)
        weight = near.isfinite().double().unsqueeze(-1)  # (A, K, 1)
        found, count = self.standard.rows[known][places, target], weight.sum(1)
        average = (found * weight).sum(1) / count.clamp_min(1)
        spread = ((found - average.unsqueeze(1)).square() * weight).sum(1) / (count - 1).clamp_min(1)
        enough = count >= 2
        mean[asked] = torch.where(enough, average, 0.0)
        variance[asked] = torch.where(enough, spread.clamp_min(_LEAST_VARIANCE), 1.0)
        return mean, variance


class GaussianImputer:
    """The conditional Gaussian of Ledoit and Wolf's covariance (2004) of the complete rows, in standard units.

    It learns from complete rows alone, and where few are it is poor and too sure of itself; with fewer than five
    it is the mean and variance of each modality by itself.
    """

    covariance: NDArray[np.float64]
    """(M D, M D), of the standardised dimensions."""

    def __init__(self, embeddings: Tensor, present: Tensor) -> None:
        complete = present.all(1)
        enough = int(complete.sum()) >= _LEAST_COMPLETE
        used = complete if enough else torch.ones_like(complete)
        self.standard = standardised(embeddings[used], present[used])
        table = self.standard.rows.flatten(1).numpy()
        self.covariance = LedoitWolf(assume_centered=True).fit(table).covariance_ if enough else np.eye(table.shape[1])
        self.anchor = Anchor(embeddings.shape[2], embeddings.shape[1])
        self.anchor.learn(self.standard.centre, self.standard.scale, torch.from_numpy(self.covariance))

    def __call__(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, variance (B, M, D)."""
        mean, variance, *_ = self.anchor(self.anchor.standardise(embeddings, present), present)
        return self.anchor.restore(mean.transpose(0, 1), variance.transpose(0, 1))


BASELINES: dict[str, Callable[[Tensor, Tensor], Guess]] = {
    "conditional Gaussian": GaussianImputer,
    "nearest neighbours": NearestImputer,
    "mean": MeanImputer,
    "mask only": MaskOnly,
}


def _with_gaps(rows: Tensor, present: Tensor) -> NDArray[np.float64]:
    """(N, M, D) -> (N, M D) with NaN where nothing is present."""
    return rows.masked_fill(~present.unsqueeze(-1), torch.nan).flatten(1).numpy()
