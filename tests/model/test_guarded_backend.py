"""Hardware that raises, hangs or talks nonsense costs one request its hardware, and never its answer."""

from collections.abc import Callable, Iterator
from threading import Event

import pytest
import torch
from torch import Tensor

from model.backends import Measured, Setback
from model.breaker import Breaker
from model.deadline import Deadline, Late
from model.guarded_backend import GuardedBackend
from model.measured_circuit import MeasuredCircuit, Ran

ANGLES = torch.zeros(2, 3)
GOOD = Measured(torch.zeros(2, 6), None)


class Scripted:
    """A device that does, call by call, what its script says; afterwards it answers."""

    name = "device:scripted"

    def __init__(self, *script: Callable[[], Measured]) -> None:
        self.script, self.calls = list(script), 0

    def run(self, angles: Tensor, identity: str) -> Measured:
        self.calls += 1
        return self.script.pop(0)() if self.script else GOOD


def raising() -> Measured:
    raise TimeoutError("the vendor's queue is full")  # a device's own, and no deadline of ours


def ending() -> Measured:
    raise SystemExit(3)


def giving(expectations: Tensor) -> Callable[[], Measured]:
    return lambda: Measured(expectations, None)


@pytest.fixture
def gate() -> Iterator[Event]:
    """What a hung device waits for; opened at the end, so that no thread stays."""
    event = Event()
    yield event
    event.set()


def guarded(device: Scripted, seconds: float = 60, failures: int = 2, pause: int = 3) -> GuardedBackend:
    return GuardedBackend(device, seconds, Breaker(failures, pause))


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        pytest.param(giving(torch.full((2, 6), -1.0)), None, id="answers"),
        pytest.param(raising, Setback.ERROR, id="raises"),
        pytest.param(ending, Setback.ERROR, id="would-end-the-process"),
        pytest.param(giving(torch.full((2, 6), 1.1)), Setback.ERROR, id="beyond-one"),
        pytest.param(giving(torch.full((2, 6), float("nan"))), Setback.ERROR, id="no-number"),
        pytest.param(giving(torch.zeros(6, 2)), Setback.ERROR, id="wrong-shape"),
    ],
)
def test_what_a_device_does_has_an_outcome(does: Callable[[], Measured], expected: Setback | None) -> None:
    outcome = guarded(Scripted(does)).run(ANGLES, "r")
    assert isinstance(outcome, Measured) if expected is None else outcome is expected


def test_a_late_call_is_left_behind_and_no_other_is_made_until_it_is_back(gate: Event) -> None:
    def hanging() -> Measured:
        gate.wait()
        return Measured(torch.ones(2, 6), None)

    device = Scripted(hanging)
    backend = guarded(device, seconds=0.05, failures=9)
    assert [backend.run(ANGLES, "r"), backend.run(ANGLES, "s")] == [Setback.DEADLINE, Setback.DEADLINE]
    assert device.calls == 1
    gate.set()
    backend._deadline._latest.exception()  # type: ignore[union-attr]  # it is back
    outcome = backend.run(ANGLES, "t")
    assert isinstance(outcome, Measured)
    assert torch.equal(outcome.expectations, GOOD.expectations)  # its own answer, not the late one's


def test_a_deadline_is_not_met_by_waiting_for_ever(gate: Event) -> None:
    with pytest.raises(Late):
        Deadline[bool](0.01).call(gate.wait)


def test_failures_are_told_with_their_kind() -> None:
    told: list[tuple[Setback, str]] = []
    backend = GuardedBackend(Scripted(raising), 60, Breaker(2, 3), lambda *said: told.append(said))
    backend.run(ANGLES, "r")
    assert told == [(Setback.ERROR, "TimeoutError")]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("FSFSF", "FSFSFS", id="apart-they-do-not-open-it"),
        pytest.param("FF", "FFooo" + "SSS", id="opens-then-a-success-closes-it"),
        pytest.param("FFF", "FFooo" + "Fooo" + "SS", id="a-failed-trial-opens-it-again"),
        pytest.param("FFSFF", "FFooo" + "SFFooo" + "S", id="closed-it-counts-from-nothing"),
    ],
)
def test_the_breaker_opens_and_closes(script: str, expected: str) -> None:
    """F: the device fails; S: it answers; o: it is left alone."""
    device = Scripted(*({"F": raising, "S": lambda: GOOD}[letter] for letter in script))
    backend = guarded(device)
    outcomes = [backend.run(ANGLES, "r") for _ in expected]
    letters = {Setback.ERROR: "F", Setback.BREAKER_OPEN: "o"}
    assert "".join("S" if isinstance(one, Measured) else letters[one] for one in outcomes) == expected
    assert device.calls == len(expected) - expected.count("o")


def test_only_the_request_that_failed_is_simulated() -> None:
    exact = torch.linspace(-1, 1, 36).view(6, 6)
    said = Measured(torch.full((2, 6), 0.25), 100)
    circuit = MeasuredCircuit(guarded(Scripted(lambda: said, raising)), lambda _: exact, ["a", "b"], draws=2)
    measured = circuit(torch.zeros(6, 3))
    assert torch.equal(measured[:2], said.expectations)
    assert torch.equal(measured[2:], exact[2:])  # the second request's, and the padding
    assert circuit.ran == [
        Ran("device:scripted", "configured"),
        Ran("exact", "error", ("device:scripted->exact",)),
    ]
    torch.testing.assert_close(circuit.variance[:2], (1 - exact[:2] ** 2) / 100)
    assert not circuit.variance[2:].any()
