"""An ensemble of linear heads: diagnosis, discrete-time hazards of each endpoint, treatment response."""

from typing import NamedTuple

from torch import Tensor, nn

from schemas.manifest import Tasks


class Logits(NamedTuple):
    """What the heads say, for N rows and E members of the ensemble."""

    diagnosis: Tensor
    """(N, E, C)."""
    hazard: Tensor
    """(N, E, P, J): P endpoints, J bins."""
    response: Tensor
    """(N, E, O): O treatment options."""


class Heads(nn.Module):
    """E members at once: features (N, D) -> `Logits`. Sizes of zero are allowed."""

    def __init__(self, width: int, members: int, tasks: Tasks) -> None:
        super().__init__()
        self.members = members
        self.bins = len(tasks.edges_days)
        self.sizes = [len(tasks.diagnosis), len(tasks.endpoints) * self.bins, len(tasks.treatments)]
        self.linear = nn.Linear(width, members * sum(self.sizes))

    def forward(self, features: Tensor) -> Logits:
        """features (N, D) -> `Logits`."""
        answers = self.linear(features).unflatten(-1, (self.members, sum(self.sizes)))
        diagnosis, hazard, response = answers.split(self.sizes, dim=-1)
        endpoints = self.sizes[1] // self.bins
        return Logits(diagnosis, hazard.unflatten(-1, (endpoints, self.bins)), response)
