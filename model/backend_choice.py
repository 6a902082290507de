"""The configured backend, opened around a network's circuit.

PennyLane is imported where it is needed: it takes a second, and exact simulation does without it.
"""

from model.backends import Backend, BackendSettings, Device, Exact, Noisy, Shots, parse_backend
from model.breaker import Breaker
from model.circuit_compiled import FrozenCircuit
from model.guarded_backend import GuardedBackend, Tell
from model.shots_backend import ShotsBackend


def open_backend(settings: BackendSettings, circuit: FrozenCircuit, tell: Tell) -> Backend | Exact:
    """The backend that the settings name; ValueError where they name none. Connects to nothing yet.

    Only devices are guarded. Noise and shots are simulated here: they cannot hang, and a deadline would
    make their results depend on how busy the machine is.
    """
    match parse_backend(settings.name):
        case Exact() as exact:
            return exact
        case Shots(shots):
            return ShotsBackend(circuit, shots)
        case Noisy():
            from model.noisy_backend import NoisyBackend

            return NoisyBackend(circuit.scale, circuit.weights, settings)
        case Device(name) as device:
            from model.device_backend import DeviceBackend, MissingDevice, is_installed

            if not is_installed(name):
                return MissingDevice(settings.name)
            backend = DeviceBackend(circuit.scale, circuit.weights, device)
            breaker = Breaker(settings.failures, settings.pause_calls)
            return GuardedBackend(backend, settings.deadline_seconds, breaker, tell)
