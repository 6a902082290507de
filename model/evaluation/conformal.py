"""How often a conformal set holds the truth, for each pattern of available modalities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Covered:
    """The patients of one availability pattern."""

    pattern: str
    patients: int
    coverage: float
    standard_error: float
    """Binomial, sqrt(c (1 - c) / n): 0 where all or none are covered, which says little when n is small."""


def coverage_by_pattern(patterns: Sequence[str], covered: NDArray[np.bool_]) -> tuple[Covered, ...]:
    """A pattern a patient and whether the patient's set held the truth (n,) -> a row a pattern, sorted."""
    if len(patterns) != len(covered):
        raise ValueError(f"{len(patterns)} patterns for {len(covered)} patients; wanted one each")
    names = np.asarray(patterns, np.str_)
    return tuple(_row(str(name), covered[names == name]) for name in np.unique(names))


def _row(pattern: str, covered: NDArray[np.bool_]) -> Covered:
    share = float(covered.mean())
    return Covered(pattern, len(covered), share, float(np.sqrt(share * (1 - share) / len(covered))))
