"""The randomness of a result: standard normal draws that depend on the request's id and the modality alone."""

import hashlib

import numpy as np
from numpy.typing import NDArray


class Draws:
    """Draws for many requests from one Philox generator, keyed anew for each: making one takes longer than drawing.

    Antithetic: the second half mirrors the first, so that the mean over draws is the mean itself.
    """

    def __init__(self, draws: int, width: int) -> None:
        self._shape = (draws - draws // 2, width)
        self._mirrored = draws // 2
        self._bits = np.random.Philox(0)
        self._fresh = self._bits.state
        self._generator = np.random.Generator(self._bits)

    def of(self, identity: str, modality: int) -> NDArray[np.float32]:
        """(K, D) float32, keyed by the SHA-256 of the id and the modality, whatever was drawn before."""
        digest = hashlib.sha256(f"{identity}/{modality}".encode()).digest()
        key = np.frombuffer(digest, "<u8", 2)
        self._bits.state = self._fresh | {"state": self._fresh["state"] | {"key": key}}
        half = self._generator.standard_normal(self._shape, dtype=np.float32)
        return np.concatenate((half, -half[: self._mirrored]))


def normal_draws(identity: str, draws: int, modalities: int, width: int) -> NDArray[np.float32]:
    """(K, M, D) float32: the draws of every modality."""
    source = Draws(draws, width)
    return np.stack([source.of(identity, modality) for modality in range(modalities)], axis=1)
