"""The quantum fusion circuit as PennyLane defines it: the reference that the compiled circuit must equal.

Wires 0..n-1, n >= 2. For each of L layers: an upload, RY(scale * angle) on every wire; a ring of
CNOTs (i, i+1), the last one closing it; RY and RZ with trained weights on every wire. The data is
uploaded again before each layer (Pérez-Salinas et al. 2020), so the spectrum grows with L.
"""

from typing import Any

import pennylane as qml
import torch
from torch import Tensor


def reference_expectations(
    angles: Tensor, scale: Tensor, weights: Tensor, shots: int | None = None, *, seed: int = 0
) -> Tensor:
    """⟨Z_i⟩, then ⟨Z_i Z_{i+1}⟩ around the ring, by PennyLane's `default.qubit`.

    angles (B, n) radians, scale (L, n), weights (L, n, 2) for RY and RZ -> (B, 2n).
    Without shots: exact, and differentiable in all three. With shots: the means of that many
    samples drawn from `seed`, without a gradient.
    """
    device = qml.device("default.qubit", wires=angles.shape[-1], seed=seed)
    if shots is None:
        circuit = qml.QNode(fusion_circuit, device, interface="torch", diff_method="backprop")
    else:
        circuit = qml.set_shots(qml.QNode(fusion_circuit, device, interface="torch", diff_method=None), shots)
    # A list, stacked here: TorchLayer puts the batch on the wrong axis of a tuple.
    return torch.stack(circuit(angles, scale, weights), dim=-1)


def fusion_circuit(angles: Tensor, scale: Tensor, weights: Tensor) -> list[Any]:
    """The circuit itself, for any PennyLane device: angles (n,) or (B, n), scale (L, n), weights (L, n, 2)."""
    for layer_scale, layer_weights in zip(scale, weights, strict=True):
        upload(angles * layer_scale)
        entangle(layer_weights)
    return observed(angles.shape[-1])


def observed(width: int) -> list[Any]:
    """What is measured of `width` wires: ⟨Z_i⟩, then ⟨Z_i Z_{i+1}⟩ around the ring."""
    wires = range(width)
    return [qml.expval(qml.PauliZ(wire)) for wire in wires] + [
        qml.expval(qml.PauliZ(wire) @ qml.PauliZ((wire + 1) % len(wires))) for wire in wires
    ]


def upload(turns: Tensor) -> None:
    """Queue RY(turns_i) on each wire i; turns (n,) or (B, n), radians."""
    for wire in range(turns.shape[-1]):
        qml.RY(turns[..., wire], wires=wire)


def entangle(weights: Tensor) -> None:
    """Queue one layer: the ring of CNOTs, then RY(weights[i, 0]) and RZ(weights[i, 1]); weights (n, 2)."""
    wires = weights.shape[0]
    for wire in range(wires):
        qml.CNOT(wires=[wire, (wire + 1) % wires])
    for wire in range(wires):
        qml.RY(weights[wire, 0], wires=wire)
        qml.RZ(weights[wire, 1], wires=wire)
