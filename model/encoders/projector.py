"""Features of a frozen encoder, or of somebody else's, into the network's width: standardised, then a linear layer."""

import torch
from torch import Tensor, nn


class Projector(nn.Module):
    """Features (..., F), standardised as in training -> (..., D)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.project = nn.Linear(features, width)

    def forward(self, features: Tensor) -> Tensor:
        """features (..., F) -> (..., D)."""
        result: Tensor = self.project(((features - self.mean) * self.scale).clamp(-10, 10))
        return result
