"""What runs the circuit at a request: the seam that exact simulation, shots, noise and hardware share (DESIGN §7)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from torch import Tensor

EXACT = "exact"


class Measured(NamedTuple):
    """What a backend measured of B circuits."""

    expectations: Tensor
    """(B, 2n) within ±1: ⟨Z_i⟩, then ⟨Z_i Z_{i+1}⟩ around the ring."""
    shots: int | None
    """How often each circuit was sampled; None where the expectations are not estimates."""


class Setback(StrEnum):
    """Why a backend gave nothing, and exact simulation stood in. A closed set: a label of a metric."""

    DEADLINE = "deadline"
    """No answer in time, or it is still busy with a call that was late."""
    ERROR = "error"
    """It raised, or what it gave is not (B, 2n) numbers within ±1."""
    BREAKER_OPEN = "breaker-open"
    """It failed several times in a row, and is left alone for some calls."""
    NOT_AVAILABLE = "not-available"
    """PennyLane has no device of that name here."""


class Backend(Protocol):
    """Anything that runs circuits."""

    name: str
    """As configured: `shots:1000`, `noisy`, `device:lightning.qubit:1000`."""

    def run(self, angles: Tensor, identity: str) -> Measured | Setback:
        """Run the circuits of one request: angles (B, n) radians, always the same B; identity: the request's id.

        A backend that draws at random draws from the identity and the row alone, so that a request processed
        again gives the same bytes whatever batch it falls in. Hardware cannot promise that.
        """
        ...


@dataclass(frozen=True)
class BackendSettings:
    """How the circuit is run; in the settings' hash of every result."""

    name: str = EXACT
    """`exact`, `shots:N`, `noisy` or `device:NAME[:SHOTS]`, NAME being any PennyLane device."""
    deadline_seconds: float = 10.0
    """Longest wait for a device to run one request's circuits."""
    failures: int = 3
    """Failures of a device in a row that open its circuit breaker."""
    pause_calls: int = 100
    """Requests answered exactly, without a try, while the breaker is open."""
    depolarising: float = 0.001
    """`noisy`: probability that a wire is depolarised after a gate on it."""
    damping: float = 0.001
    """`noisy`: probability that a wire falls from 1 to 0 after a gate on it."""
    readout: float = 0.01
    """`noisy`: probability that a wire is read the wrong way round."""


class Exact(NamedTuple):
    """Exact simulation, the default."""


class Shots(NamedTuple):
    """So many samples of the exact distribution."""

    shots: int


class Noisy(NamedTuple):
    """`default.mixed` with a noise model."""


class Device(NamedTuple):
    """A PennyLane device by name; without shots, its own exact expectations."""

    name: str
    shots: int | None


def parse_backend(name: str) -> Exact | Shots | Noisy | Device:
    """What a backend's name asks for; raises ValueError with what is wanted."""
    match name.split(":"):
        case ["exact"]:
            return Exact()
        case ["noisy"]:
            return Noisy()
        case ["shots", count] if _is_count(count):
            return Shots(int(count))
        case ["device", device] if device:
            return Device(device, None)
        case ["device", device, count] if device and _is_count(count):
            return Device(device, int(count))
    raise ValueError(
        f"quantum backend: found {name}; wanted exact, shots:N, noisy, device:NAME or device:NAME:SHOTS, "
        "NAME being a PennyLane device and N from 1 to 99 999 999"
    )


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 8 and int(text) > 0
