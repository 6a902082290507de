"""One batch's circuits on a backend, request by request, with exact simulation where the backend gives nothing."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from model.backends import EXACT, Backend, Setback
from model.circuit_compiled import shot_variance
from model.fusion import Core


class Ran(NamedTuple):
    """What ran a request's circuits, as its provenance says it."""

    backend: str
    reason: str
    fallbacks: tuple[str, ...] = ()


EXACTLY = Ran(EXACT, "configured")
NO_CIRCUIT = Ran("none", "the network has no circuit")
NOT_RUN = Ran("none", "no circuit was run")


class MeasuredCircuit:
    """Stands in for the fusion's core in one pass over a padded batch: angles (B·K, n) -> (B·K, 2n).

    The rows come as `Voices` has them, K draws of a request one after the other; only those of the given
    requests go to the backend, K at a time, so that a failure is one request's and not its neighbours'. The
    padding behind them is simulated. Where the backend fails, the request's rows are those of the exact pass
    over the same batch, bit by bit. Use it once.
    """

    def __init__(self, backend: Backend, exact: Core, identities: Sequence[str], draws: int) -> None:
        self.ran: list[Ran] = []
        """By request, after the pass."""
        self._backend, self._exact, self._identities, self._draws = backend, exact, identities, draws
        self._expectations = self._variance = torch.zeros(0)

    def __call__(self, angles: Tensor) -> Tensor:
        """angles (B·K, n) -> (B·K, 2n)."""
        self._expectations = exact = self._exact(angles)
        measured, self._variance = exact.clone(), torch.zeros_like(exact)
        for place, identity in enumerate(self._identities):
            rows = slice(place * self._draws, (place + 1) * self._draws)
            outcome = self._backend.run(angles[rows], identity)
            if isinstance(outcome, Setback):
                self.ran.append(Ran(EXACT, outcome.value, (f"{self._backend.name}->{EXACT}",)))
                continue
            self.ran.append(Ran(self._backend.name, "configured"))
            measured[rows] = outcome.expectations
            if outcome.shots is not None:
                self._variance[rows] = shot_variance(exact[rows], outcome.shots).clamp_min(0)
        return measured

    @property
    def expectations(self) -> Tensor:
        """The exact expectations (B·K, 2n), after the pass."""
        return self._expectations

    @property
    def variance(self) -> Tensor:
        """Of each measured expectation, by finite shots: (B·K, 2n), after the pass; 0 where there were none."""
        return self._variance
