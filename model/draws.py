"""The randomness of a result: standard normal draws that depend on the request's id alone."""

import hashlib

import numpy as np
from numpy.typing import NDArray


def normal_draws(identity: str, draws: int, modalities: int, width: int) -> NDArray[np.float32]:
    """(K, M, D) float32 from a Philox generator keyed by the id's SHA-256.

    Antithetic: the second half mirrors the first, so that the mean over draws is the mean itself.
    """
    key = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:16], "little")
    generator = np.random.Generator(np.random.Philox(key=key))
    half = generator.standard_normal((draws - draws // 2, modalities, width), dtype=np.float32)
    return np.concatenate((half, -half[: draws // 2]))
