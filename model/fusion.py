"""The quantum fusion layer: fused features to bounded angles, a core, and a gate that starts as identity."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from model.circuit_compiled import CompiledCircuit, FrozenCircuit
from model.fourier_core import FourierCore
from model.mlp_core import MlpCore
from schemas.manifest import FusionKind, Sizes

Core = Callable[[Tensor], Tensor]
"""angles (B, n) radians -> (B, 2n) within ±1."""


class Fusion(nn.Module):
    """features (B, D) -> (B, D): what came in, plus gate times what the core says of it.

    The gate starts at zero, so an untrained core changes nothing. All cores have the same width, so that
    networks of different kinds differ in nothing else. Kind `none` is the identity.
    """

    def __init__(self, kind: FusionKind, sizes: Sizes, generator: torch.Generator) -> None:
        super().__init__()
        self.kind = kind
        if kind == "none":
            return
        self.angles = nn.Linear(sizes.width, sizes.qubits)
        self.circuit = core_of(kind, sizes, generator)  # named so in the weights, whichever the kind
        self.back = nn.Linear(2 * sizes.qubits, sizes.width)
        self.gate = nn.Parameter(torch.zeros(sizes.width))

    def forward(self, features: Tensor, core: Core | None = None) -> Tensor:
        """features (B, D) -> (B, D); `core` stands in for the fusion's own: the same circuit on other hardware."""
        if self.kind == "none":
            return features
        measured = (core or self.circuit)(math.pi * torch.tanh(self.angles(features)))  # (B, 2n), within ±1
        changed: Tensor = features + self.gate * self.back(measured)
        return changed

    def freeze(self) -> FrozenCircuit | None:
        """Compute the circuit's unitaries once, for serving; None where the network has no circuit."""
        if self.kind != "circuit":
            return None
        if isinstance(self.circuit, CompiledCircuit):
            self.circuit = self.circuit.frozen()
        return self.circuit if isinstance(self.circuit, FrozenCircuit) else None


def core_of(kind: FusionKind, sizes: Sizes, generator: torch.Generator) -> nn.Module:
    """A new core of that kind, from the generator (the perceptron: from torch's own, as all linear layers)."""
    if kind == "fourier":
        return FourierCore(sizes.qubits, sizes.circuit_layers, generator=generator)
    if kind == "mlp":
        return MlpCore(sizes.qubits, sizes.circuit_layers)
    return CompiledCircuit(sizes.qubits, sizes.circuit_layers, generator=generator)
