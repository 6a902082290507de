"""Clinical evidence as numbers of fixed shape: codes, values, times and flags, the newest tokens last."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from model.encoders.hashing import bucket, stable_hash
from model.features import Features
from schemas.evidence import Evidence
from schemas.tokens import ObservationToken

ANSWERS = 1024
"""Buckets of (code, coded or string answer); 0 is none."""
FLAGS = 16
"""Columns into which flags and comparators are hashed."""
_DAY = 86400.0


def clinical_features(tokens: Sequence[ObservationToken], size: int, parts: Mapping[str, int]) -> Features:
    """At most `size` = T observation tokens, oldest first; `parts`: code -> number of its part.

    code (T,) int64 stable hash; answer (T,) int64 bucket; value (T,) float32 in the code's canonical unit;
    numbers (T, 2 + FLAGS) float32: has a value, log days before the newest token, flags; present (T,) bool;
    part (T,) int64, 0 where a code has none.
    """
    features: Features = {
        "code": np.zeros(size, np.int64),
        "answer": np.zeros(size, np.int64),
        "part": np.zeros(size, np.int64),
        "value": np.zeros(size, np.float32),
        "numbers": np.zeros((size, 2 + FLAGS), np.float32),
        "present": np.arange(size) < len(tokens),
    }
    for row, token in enumerate(tokens):
        ago = (tokens[-1].at - token.at).total_seconds() / _DAY
        features["code"][row] = stable_hash(token.code)
        features["answer"][row] = bucket(token.answer and f"{token.code}={token.answer}", ANSWERS)
        features["part"][row] = parts.get(token.code, 0)
        features["value"][row] = finite(token.value)
        features["numbers"][row, :2] = (token.value is not None, math.log1p(ago))
        for flag in (*token.flags, token.comparator or ""):
            features["numbers"][row, 2 + bucket(flag, FLAGS)] = flag != ""
    return features


def newest_observations(pieces: Sequence[Evidence], size: int) -> list[ObservationToken]:
    """The newest `size` observations by time, then by content, so that equal times cannot matter."""
    tokens = [token for piece in pieces for token in piece.tokens if isinstance(token, ObservationToken)]
    return sorted(tokens, key=_order)[-size:]


def finite(value: float | None) -> float:
    """The value within what float32 holds; 0 for none and for what is not a number."""
    if value is None or math.isnan(value):
        return 0.0
    return min(max(value, -1e30), 1e30)


def _order(token: ObservationToken) -> tuple[float, str, str, float]:
    return (token.at.timestamp(), token.code, token.answer, finite(token.value))
