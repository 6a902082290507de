"""The quantum fusion layer: fused features to bounded angles, the circuit, and a gate that starts as identity."""

import math

import torch
from torch import Tensor, nn

from model.circuit_compiled import CompiledCircuit, FrozenCircuit
from schemas.manifest import FusionKind, Sizes


class Fusion(nn.Module):
    """features (B, D) -> (B, D): what came in, plus gate times what the circuit says of it.

    The gate starts at zero, so an untrained circuit changes nothing. Kind `none` is the identity.
    """

    def __init__(self, kind: FusionKind, sizes: Sizes, generator: torch.Generator) -> None:
        super().__init__()
        self.kind = kind
        if kind == "none":
            return
        self.angles = nn.Linear(sizes.width, sizes.qubits)
        self.circuit: CompiledCircuit | FrozenCircuit = CompiledCircuit(
            sizes.qubits, sizes.circuit_layers, generator=generator
        )
        self.back = nn.Linear(2 * sizes.qubits, sizes.width)
        self.gate = nn.Parameter(torch.zeros(sizes.width))

    def forward(self, features: Tensor) -> Tensor:
        """features (B, D) -> (B, D)."""
        if self.kind == "none":
            return features
        measured = self.circuit(math.pi * torch.tanh(self.angles(features)))  # (B, 2n), within ±1
        changed: Tensor = features + self.gate * self.back(measured)
        return changed

    def freeze(self) -> None:
        """Compute the circuit's unitaries once, for serving."""
        if self.kind == "circuit" and isinstance(self.circuit, CompiledCircuit):
            self.circuit = self.circuit.frozen()
