"""Variants as numbers of fixed shape: gene, consequence, allele fraction, reads. Zero reads is a measurement."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.encoders.clinical_tokens import finite
from model.encoders.hashing import bucket
from model.features import Features, filled, places_of
from schemas.evidence import Evidence
from schemas.tokens import BENIGN, VariantToken

GENES, CONSEQUENCES, ASSAYS = 2048, 128, 32
"""Buckets; 0 is none. The position is left out: it would name the patient, not the disease."""
_PLAIN, _FLAGS = 10, 8
NUMBERS = _PLAIN + _FLAGS
"""Plain numbers, then columns into which flags (not detected, no call) are hashed."""
_DAY = 86400.0


def variant_features(patients: Sequence[Sequence[Evidence]], size: int) -> Features:
    """The newest `size` variant tokens V of each patient's pieces, oldest first.

    gene, consequence, assay (B, V) int64 buckets; numbers (B, V, NUMBERS) float32; hit, shown (B, V) bool.
    """
    newest = [newest_variants(pieces, size) for pieces in patients]
    shown, tokens = places_of(newest, size), [token for tokens in newest for token in tokens]
    return {
        "gene": filled(shown, [bucket(_name(token), GENES) for token in tokens], np.int64),
        "consequence": filled(shown, [bucket(token.consequence, CONSEQUENCES) for token in tokens], np.int64),
        "assay": filled(shown, [bucket(token.assay, ASSAYS) for token in tokens], np.int64),
        "numbers": filled(shown, _numbers(newest)),
        "hit": filled(shown, [token.is_hit for token in tokens], np.bool_),
        "shown": shown,
    }


def newest_variants(pieces: Sequence[Evidence], size: int) -> list[VariantToken]:
    """The newest `size` variants by time, then by content, so that equal times cannot matter; not the benign ones."""
    tokens = [token for piece in pieces for token in piece.tokens if type(token) is VariantToken]
    tokens = [token for token in tokens if BENIGN not in token.flags]
    return sorted(tokens, key=_order)[-size:]


def _numbers(patients: Sequence[Sequence[VariantToken]]) -> NDArray[np.float32]:
    """Of all tokens, patient by patient: (N, NUMBERS)."""
    numbers = np.zeros((sum(map(len, patients)), NUMBERS), np.float32)
    plain = [
        _plain(token, (tokens[-1].at - token.at).total_seconds() / _DAY) for tokens in patients for token in tokens
    ]
    numbers[:, :_PLAIN] = np.reshape(plain, (-1, _PLAIN))
    for row, token in enumerate(token for tokens in patients for token in tokens):
        for flag in token.flags:
            numbers[row, _PLAIN + bucket(flag, _FLAGS)] = 1
    return numbers


def _plain(token: VariantToken, days_ago: float) -> tuple[float, ...]:
    value = finite(token.value)
    return (
        finite(token.vaf),
        token.vaf is not None,
        _log(token.depth) / 5,
        token.depth is not None,
        _log(token.mutant_reads) / 5,
        token.mutant_reads is not None,
        token.mutant_reads == 0,
        math.copysign(math.log1p(abs(value)), value),
        token.value is not None,
        math.log1p(days_ago) / 5,
    )


def _name(token: VariantToken) -> str:
    """The gene; of a whole-genome quantity (TMB, MSI), its name."""
    return token.gene or ("" if token.value is None else token.change)


def _log(count: int | None) -> float:
    return math.log1p(count) if count and count > 0 else 0.0


def _order(token: VariantToken) -> tuple[float, str, str, str, float, int, float]:
    reads = -1 if token.mutant_reads is None else token.mutant_reads
    moment = token.at.timestamp()
    return (moment, token.gene, token.change, token.assay, finite(token.vaf), reads, finite(token.value))
