"""Clinical evidence as numbers of fixed shape: codes, values, times and flags, the newest tokens last."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from model.encoders.hashing import bucket, stable_hash
from model.features import Features, filled, places_of
from schemas.evidence import TIMELESS, Evidence
from schemas.tokens import ObservationToken

ANSWERS = 1024
"""Buckets of (code, coded or string answer); 0 is none."""
FLAGS = 16
"""Columns into which flags and comparators are hashed."""
_DAY = 86400.0


def clinical_features(patients: Sequence[Sequence[ObservationToken]], size: int, parts: Mapping[str, int]) -> Features:
    """At most `size` = T observation tokens of each patient, oldest first; `parts`: code -> number of its part.

    code (B, T) int64 stable hash; answer (B, T) int64 bucket; value (B, T) float32 in the code's canonical unit;
    numbers (B, T, 2 + FLAGS) float32: has a value, log days before the newest token, flags; present (B, T) bool;
    part (B, T) int64, 0 where a code has none.
    """
    present, tokens = places_of(patients, size), [token for tokens in patients for token in tokens]
    answers = [bucket(token.answer and f"{token.code}={token.answer}", ANSWERS) for token in tokens]
    return {
        "code": filled(present, [stable_hash(token.code) for token in tokens], np.int64),
        "answer": filled(present, answers, np.int64),
        "part": filled(present, [parts.get(token.code, 0) for token in tokens], np.int64),
        "value": filled(present, [finite(token.value) for token in tokens]),
        "numbers": filled(present, _numbers(patients)),
        "present": present,
    }


def newest_observations(pieces: Sequence[Evidence], size: int) -> list[ObservationToken]:
    """At most `size` observations, oldest first; equal times go by content, so that order of arrival cannot matter.

    Where there are more: who the patient is, then the newest of each code that says anything, then the newest. So a
    week of daily blood counts pushes out older blood counts, not the patient's sex and not the one pathology report.
    """
    tokens = [token for piece in pieces for token in piece.tokens if type(token) is ObservationToken]
    tokens.sort(key=_order)
    if len(tokens) <= size:
        return tokens
    who = {token for piece in pieces if TIMELESS in piece.flags for token in piece.tokens}
    newest = {token.code: place for place, token in enumerate(tokens) if token.value is not None or token.answer}
    firsts = frozenset(newest.values())
    places = sorted(range(len(tokens)), key=lambda place: (tokens[place] in who, place in firsts, place))
    return [tokens[place] for place in sorted(places[-size:])]


def _numbers(patients: Sequence[Sequence[ObservationToken]]) -> NDArray[np.float32]:
    """Of all tokens, patient by patient: (N, 2 + FLAGS)."""
    numbers = np.zeros((sum(map(len, patients)), 2 + FLAGS), np.float32)
    plain = [
        (token.value is not None, math.log1p((tokens[-1].at - token.at).total_seconds() / _DAY))
        for tokens in patients
        for token in tokens
    ]
    numbers[:, :2] = np.reshape(plain, (-1, 2))
    for row, token in enumerate(token for tokens in patients for token in tokens):
        for flag in (*token.flags, token.comparator):
            if flag:
                numbers[row, 2 + bucket(flag, FLAGS)] = 1
    return numbers


def finite(value: float | None) -> float:
    """The value within what float32 holds; 0 for none and for what is not a number."""
    if value is None:
        return 0.0
    if -1e30 <= value <= 1e30:
        return value
    return 0.0 if math.isnan(value) else math.copysign(1e30, value)


def _order(token: ObservationToken) -> tuple[float, str, str, float]:
    return (token.at.timestamp(), token.code, token.answer, finite(token.value))
