"""Intervals of the imputer made to cover what they claim: one factor of the variance a target and pattern shown."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from model.imputer import Imputer

LEVELS = (0.5, 0.8, 0.95)
_LEAST_ROWS = 20
"""Rows that a target and pattern need for a factor of their own."""
_FACTORS = torch.exp(torch.linspace(-2.5, 2.5, 501))


class Trial(NamedTuple):
    """Rows shown in part: every row once for each subset of it that leaves something to guess."""

    embeddings: Tensor
    """(T, M, D)."""
    shown: Tensor
    """(T, M) bool."""
    hidden: Tensor
    """(T, M) bool: known, not shown."""


def trials(embeddings: Tensor, present: Tensor) -> Trial:
    """All trials of rows (N, M, D), present (N, M); the empty subset is one of them."""
    parts = []
    for subset in range(2 ** present.shape[1] - 1):
        shown = torch.tensor([bool(subset >> place & 1) for place in range(present.shape[1])])
        rows = torch.nonzero((present | ~shown).all(1) & (present & ~shown).any(1)).squeeze(1)
        parts.append((embeddings[rows], shown.expand(len(rows), -1), present[rows] & ~shown))
    return Trial(*(torch.cat(same) for same in zip(*parts, strict=True)))


def coverage(
    mean: Tensor, variance: Tensor, truth: Tensor, known: Tensor, levels: Sequence[float] = LEVELS
) -> tuple[float, ...]:
    """Share of the known slots' dimensions inside the central Gaussian interval of each level; NaN if none is known.

    mean, variance, truth (B, M, D), known (B, M) bool.
    """
    distance = ((truth - mean).square() / variance)[known]
    return tuple(float((distance <= _bound(level)).float().mean()) for level in levels)


def calibrate_imputer(imputer: Imputer, embeddings: Tensor, present: Tensor) -> None:
    """Set `imputer.stretch` from held-out rows (N, M, D), present (N, M).

    A factor is that which leaves the least sum of squared coverage errors at 50, 80 and 95 %. A target and
    pattern with too few rows take the factor of all patterns of that target with as many shown, then of all
    patterns of that target, then of all targets; with too few of those, the variance stays as it was trained.
    """
    imputer.stretch.fill_(1.0)
    trial = trials(embeddings, present)
    with torch.no_grad():
        mean, variance = imputer(trial.embeddings, trial.shown)
    distance = (trial.embeddings - mean).square() / variance  # (T, M, D)
    modalities = present.shape[1]
    patterns = (trial.shown * 2 ** torch.arange(modalities)).sum(1)
    counts = trial.shown.sum(1)
    for target in range(modalities):
        hidden = trial.hidden[:, target]
        for pattern in range(2**modalities):
            if pattern >> target & 1:
                continue
            own, as_many = hidden & (patterns == pattern), hidden & (counts == bin(pattern).count("1"))
            groups = (distance[own, target], distance[as_many, target], distance[hidden, target])
            enough = [group for group in (*groups, distance[trial.hidden]) if len(group) >= _LEAST_ROWS]
            if enough:
                imputer.stretch[pattern, target] = stretch_for(enough[0])


def stretch_for(distance: Tensor) -> float:
    """The factor under which squared distances (n, D), in variances, are inside the intervals as often as claimed."""
    ordered = distance.flatten().sort().values
    misses = torch.zeros_like(_FACTORS)
    for level in LEVELS:
        inside = torch.searchsorted(ordered, _FACTORS * _bound(level), right=True) / len(ordered)
        misses += (inside - level).square()
    return float(_FACTORS[misses.argmin()])


def _bound(level: float) -> float:
    """The squared half-width of a standard normal's central interval."""
    return 2 * float(torch.special.erfinv(torch.tensor(level, dtype=torch.float64))) ** 2
