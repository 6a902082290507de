"""A backend that may fail or hang, behind a deadline and a circuit breaker: it always comes back, and in time."""

from collections.abc import Callable

from torch import Tensor

from model.backends import Backend, Measured, Setback
from model.breaker import Breaker
from model.deadline import Deadline, Late

Tell = Callable[[Setback, str], None]
"""Told of each failed call, with the kind of error, for whoever keeps the log."""


def say_nothing(setback: Setback, error: str) -> None:
    """For callers without a log."""


class GuardedBackend:
    """Another backend's measurements, or the reason why there are none."""

    def __init__(self, backend: Backend, seconds: float, breaker: Breaker, tell: Tell = say_nothing) -> None:
        self.name = backend.name
        self._backend, self._breaker, self._tell = backend, breaker, tell
        self._deadline: Deadline[Measured | Setback] = Deadline(seconds)

    def run(self, angles: Tensor, identity: str) -> Measured | Setback:
        """What the backend measured: (B, 2n) within ±1; or a `Setback`. Raises nothing."""
        if not self._breaker.lets_through():
            return Setback.BREAKER_OPEN
        outcome = self._tried(angles, identity)
        if isinstance(outcome, Measured):
            self._breaker.succeeded()
        else:
            self._breaker.failed()
        return outcome

    def _tried(self, angles: Tensor, identity: str) -> Measured | Setback:
        try:
            future = self._deadline.call(lambda: self._backend.run(angles, identity))
        except Late:
            return self._told(Setback.DEADLINE, "late")
        error = future.exception()
        if error is not None:
            return self._told(Setback.ERROR, type(error).__name__)
        outcome = future.result()
        if isinstance(outcome, Measured) and not _sound(outcome.expectations, angles):
            return self._told(Setback.ERROR, "not expectations")
        return outcome

    def _told(self, setback: Setback, error: str) -> Setback:
        self._tell(setback, error)
        return setback


def _sound(expectations: Tensor, angles: Tensor) -> bool:
    """Hardware's answers come from outside: (B, 2n), and within ±1 (which NaN is not)."""
    return expectations.shape == (angles.shape[0], 2 * angles.shape[1]) and bool((expectations.abs() <= 1 + 1e-6).all())
