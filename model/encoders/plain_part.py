"""The plain part of an arrival-time vector: principal components of what came in, learnt without any outcome.

What a deep encoder says of its own training patients is too good to be true, so a penalised linear model cannot
weigh it. Principal components (Pearson 1901) have seen no outcome: they lead each vector, and the linear road
reads them.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

PLAIN = 8
"""How many numbers lead the vector of an image or a bag."""
_CLIP = 10.0


class PlainPart(nn.Module):
    """Features (N, F) -> their first PLAIN principal components (N, PLAIN), each of unit variance in training."""

    mean: Tensor
    scale: Tensor
    axes: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.zeros(features))
        """1 / standard deviation."""
        self.register_buffer("axes", torch.zeros(features, PLAIN))

    def forward(self, features: Tensor) -> Tensor:
        """features (N, F) -> (N, PLAIN)."""
        result: Tensor = ((features - self.mean) * self.scale).clamp(-_CLIP, _CLIP) @ self.axes
        return result

    def learn(self, rows: NDArray[np.float32]) -> None:
        """Take the axes from training rows (N, F); the largest weight of each is positive, so that signs are fixed."""
        values = torch.from_numpy(rows).double()
        deviation = values.std(0, correction=0)
        self.mean.copy_(values.mean(0))
        self.scale.copy_(torch.where(deviation > 1e-9, 1 / deviation.clamp_min(1e-9), 0.0))
        scored = ((values - self.mean) * self.scale).clamp(-_CLIP, _CLIP)
        _, singular, axes = torch.linalg.svd(scored, full_matrices=False)
        for place in range(min(PLAIN, len(singular))):
            axis = axes[place] * torch.sign(axes[place][axes[place].abs().argmax()])
            spread = float(singular[place]) / max(len(rows), 1) ** 0.5
            self.axes[:, place] = (axis / spread).float() if spread > 1e-6 else 0.0


def first_order(tiles: Tensor) -> Tensor:
    """First-order statistics of tiles (N, 3, S, S) within 0..1 -> (N, 8): what radiologists' tools report first.

    Means of the channels; of their mean: deviation, skewness, mean gradient, largest and smallest mean of a row.
    """
    grey = tiles.mean(1)
    centre = grey - grey.mean((1, 2), keepdim=True)
    deviation = centre.square().mean((1, 2)).sqrt()
    skewness = centre.pow(3).mean((1, 2)) / deviation.clamp_min(1e-3).pow(3)
    gradient = grey.diff(dim=1).abs().mean((1, 2)) + grey.diff(dim=2).abs().mean((1, 2))
    rows = grey.mean(2)
    others = torch.stack((deviation, skewness.clamp(-10, 10), gradient, rows.amax(1), rows.amin(1)), 1)
    return torch.cat((tiles.mean((2, 3)), others), 1)


STATISTICS = 8
"""Width of `first_order`."""
