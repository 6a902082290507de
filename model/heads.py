"""An ensemble of linear heads: diagnosis, discrete-time hazards of each endpoint, treatment response."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.survival import late_bins
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
    """E members at once: features (N, D) -> `Logits`. Sizes of zero are allowed.

    The hazard's logit is a baseline a bin, plus a risk, plus a slope in time: two numbers a patient and
    endpoint. A logit a bin fitted the noise of a few hundred patients (test C below chance).
    """

    late: Tensor
    gain: Tensor

    def __init__(self, width: int, members: int, tasks: Tasks) -> None:
        super().__init__()
        self.members = members
        endpoints = len(tasks.endpoints)
        self.sizes = [len(tasks.diagnosis), endpoints, endpoints, len(tasks.treatments)]
        self.linear = nn.Linear(width, members * sum(self.sizes))
        self.baseline = nn.Parameter(torch.zeros(members, endpoints, len(tasks.edges_days)))
        self.register_buffer("gain", torch.ones(endpoints))
        """What each endpoint's risk and slope are multiplied by: a bounded core before them compresses their scale."""
        self.register_buffer("late", late_bins(tasks.edges_days), persistent=False)

    def forward(self, features: Tensor) -> Logits:
        """features (N, D) -> `Logits`."""
        answers = self.linear(features).unflatten(-1, (self.members, sum(self.sizes)))
        diagnosis, risk, slope, response = answers.split(self.sizes, dim=-1)
        said = risk.unsqueeze(-1) + slope.unsqueeze(-1) * self.late
        hazard = self.baseline + self.gain.unsqueeze(-1) * said  # (N, E, P, J)
        return Logits(diagnosis, hazard, response)
