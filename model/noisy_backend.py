"""The circuit with noise: PennyLane's `default.mixed` behind a noise model. For studies: seconds a request.

n = 8, L = 3: 0.8 s a circuit, and a request with something to impute has as many as it has draws (8: 6 s);
one core of an AMD EPYC. The noise is averaged over exactly, so a request gives the same bytes again.
"""

from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

from model.backends import BackendSettings, Measured
from model.circuit import entangle, observed, upload


class NoisyBackend:
    """Depolarising and amplitude damping on each wire of each gate, after it; readout errors at the end."""

    name = "noisy"

    def __init__(self, scale: Tensor, weights: Tensor, settings: BackendSettings) -> None:
        self._scale, self._weights = (part.double().numpy() for part in (scale, weights))
        device = qml.device("default.mixed", wires=scale.shape[1])
        noise = qml.NoiseModel({qml.noise.op_in([qml.RY, qml.RZ, qml.CNOT]): gate_noise(settings)})
        self._circuit = qml.add_noise(qml.QNode(read_with_errors(settings.readout), device, diff_method=None), noise)

    def run(self, angles: Tensor, identity: str) -> Measured:
        """angles (B, n); equal rows, as all draws of a patient with nothing to impute, are run once."""
        distinct, places = np.unique(angles.double().numpy(), axis=0, return_inverse=True)
        found = np.stack([np.stack(self._circuit(row, self._scale, self._weights)) for row in distinct])  # (b, 2n)
        return Measured(torch.from_numpy(found[places.reshape(-1)]).to(angles.dtype).clamp(-1, 1), None)


def gate_noise(settings: BackendSettings) -> Any:
    """What follows a gate, on each of its wires; a noise of strength zero is left out."""

    def follow(gate: Any, **_: Any) -> None:
        for wire in gate.wires:
            if settings.depolarising:
                qml.DepolarizingChannel(settings.depolarising, wires=wire)
            if settings.damping:
                qml.AmplitudeDamping(settings.damping, wires=wire)

    return follow


def read_with_errors(error: float) -> Any:
    """The fusion circuit, each wire flipped with that probability before it is read.

    `default.mixed` has an argument for this, but 0.45.1 raises a TypeError where it is given.
    """

    def circuit(angles: Any, scale: Any, weights: Any) -> list[Any]:
        for layer_scale, layer_weights in zip(scale, weights, strict=True):
            upload(angles * layer_scale)
            entangle(layer_weights)
        if error:
            for wire in range(len(angles)):
                qml.BitFlip(error, wires=wire)
        return observed(len(angles))

    return circuit
