"""Finite shots: samples of the circuit's exact distribution, the same for the same request."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from model.backends import Measured
from model.circuit_basis import signs
from model.circuit_compiled import FrozenCircuit


class ShotsBackend:
    """Each circuit is measured N times, all wires at once, as hardware without noise would."""

    def __init__(self, circuit: FrozenCircuit, shots: int) -> None:
        self.name = f"shots:{shots}"
        self._circuit, self._shots = circuit, shots
        self._signs = signs(circuit.scale.shape[1]).double().numpy()  # (2^n, 2n)

    def run(self, angles: Tensor, identity: str) -> Measured:
        """angles (B, n); the samples depend on the identity, the row's place and its angles alone."""
        exact = self._circuit.probabilities(angles).double().numpy()  # (B, 2^n)
        exact /= exact.sum(-1, keepdims=True)  # single precision misses 1 by more than the sampler allows
        counts = np.stack([_generator(identity, row).multinomial(self._shots, each) for row, each in enumerate(exact)])
        means = counts @ self._signs / self._shots
        return Measured(torch.from_numpy(means).to(angles.dtype), self._shots)


def _generator(identity: str, row: int) -> np.random.Generator:
    """A Philox generator keyed by the SHA-256 of both, apart from the one of the imputation draws."""
    digest = hashlib.sha256(f"shots|{identity}|{row}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
