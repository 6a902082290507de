"""Variants as numbers of fixed shape: gene, consequence, allele fraction, reads. Zero reads is a measurement."""

import math
from collections.abc import Sequence

import numpy as np

from model.encoders.clinical_tokens import finite
from model.encoders.hashing import bucket
from model.features import Features
from schemas.evidence import Evidence
from schemas.tokens import VariantToken

GENES, CONSEQUENCES, ASSAYS = 2048, 128, 32
"""Buckets; 0 is none. The position is left out: it would name the patient, not the disease."""
_PLAIN, _FLAGS = 10, 8
NUMBERS = _PLAIN + _FLAGS
"""Plain numbers, then columns into which flags (not detected, no call) are hashed."""
_DAY = 86400.0


def variant_features(pieces: Sequence[Evidence], size: int) -> Features:
    """The newest `size` variant tokens V of these pieces, oldest first.

    gene, consequence, assay (V,) int64 buckets; numbers (V, NUMBERS) float32; shown (V,) bool.
    """
    tokens = newest_variants(pieces, size)
    features: Features = {name: np.zeros(size, np.int64) for name in ("gene", "consequence", "assay")}
    features["numbers"] = np.zeros((size, NUMBERS), np.float32)
    features["shown"] = np.arange(size) < len(tokens)
    for row, token in enumerate(tokens):
        features["gene"][row] = bucket(_name(token), GENES)
        features["consequence"][row] = bucket(token.consequence, CONSEQUENCES)
        features["assay"][row] = bucket(token.assay, ASSAYS)
        features["numbers"][row, :_PLAIN] = _numbers(token, (tokens[-1].at - token.at).total_seconds() / _DAY)
        for flag in token.flags:
            features["numbers"][row, _PLAIN + bucket(flag, _FLAGS)] = 1
    return features


def newest_variants(pieces: Sequence[Evidence], size: int) -> list[VariantToken]:
    """The newest `size` variants by time, then by content, so that equal times cannot matter."""
    tokens = [token for piece in pieces for token in piece.tokens if isinstance(token, VariantToken)]
    return sorted(tokens, key=_order)[-size:]


def _numbers(token: VariantToken, days_ago: float) -> tuple[float, ...]:
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
    return math.log1p(max(count or 0, 0))


def _order(token: VariantToken) -> tuple[float, str, str, str, float, int, float]:
    reads = -1 if token.mutant_reads is None else token.mutant_reads
    moment = token.at.timestamp()
    return (moment, token.gene, token.change, token.assay, finite(token.vaf), reads, finite(token.value))
