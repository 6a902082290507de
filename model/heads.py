"""An ensemble of linear heads: diagnosis, discrete-time hazards of each endpoint, treatment response."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.survival import bounded, late_bins
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

    The hazard's logit is a baseline a bin, plus a bounded risk, plus a slope in time: two numbers a patient and
    endpoint. A logit a bin fitted the noise of a few hundred patients (test C below chance).
    """

    late: Tensor
    gain: Tensor
    bound: Tensor

    def __init__(self, width: int, members: int, tasks: Tasks) -> None:
        super().__init__()
        self.members = members
        endpoints = len(tasks.endpoints)
        self.sizes = [len(tasks.diagnosis), endpoints, endpoints, len(tasks.treatments)]
        self.linear = nn.Linear(width, members * sum(self.sizes))
        self.baseline = nn.Parameter(torch.zeros(members, endpoints, len(tasks.edges_days)))
        self.register_buffer("gain", torch.ones(endpoints))
        """What each endpoint's risk and slope are multiplied by: a bounded core before them compresses their scale."""
        self.register_buffer("bound", torch.ones(endpoints))
        """(P,): the most that a risk adds to a hazard's logit or takes from it; the plain linear road's."""
        self.register_buffer("late", late_bins(tasks.edges_days), persistent=False)

    def forward(self, features: Tensor) -> Logits:
        """features (N, D) -> `Logits`."""
        diagnosis, risk, slope, response = self._answers(features)
        return Logits(diagnosis, self.hazards(risk, slope, self.gain), response)

    def risks(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """features (N, D) -> each endpoint's risk and slope (N, E, P), before any gain and bound."""
        _, risk, slope, _ = self._answers(features)
        return risk, slope

    def hazards(self, risk: Tensor, slope: Tensor, gain: Tensor) -> Tensor:
        """Risk and slope (N, E, P), gain (P,) -> the logits of the hazards (N, E, P, J)."""
        said = bounded(gain * risk, self.bound).unsqueeze(-1) + (gain * slope).unsqueeze(-1) * self.late
        return self.baseline + said

    def _answers(self, features: Tensor) -> tuple[Tensor, ...]:
        answers: Tensor = self.linear(features).unflatten(-1, (self.members, sum(self.sizes)))
        return torch.split(answers, self.sizes, dim=-1)
