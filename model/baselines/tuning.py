"""How strong a penalty should be: what inner folds of the training patients say, and the risks they leave over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.baselines.known import Known
from model.baselines.partial_likelihood import Array, PartialLikelihood

INNER = 5
"""Inner folds."""
Path = Callable[[Array, PartialLikelihood, Sequence[float]], Array]
"""(columns (n, C), likelihood, S strengths) -> coefficients (S, C)."""


@dataclass(frozen=True)
class Tuned:
    """A penalised Cox at the strength that inner folds chose."""

    strength: float
    coefficients: Array
    """(C,) of a fit to all the patients."""
    left_out: Array
    """(n,) each patient's risk by the fit, at the same strength, to the inner folds that it is not in."""


def tune(path: Path, columns: Array, known: Known, strengths: Sequence[float], seed: int) -> Tuned:
    """Choose by cross-validated partial likelihood (Verweij & van Houwelingen 1993), over INNER folds.

    What a fold adds is the likelihood of all patients minus that of those it trained on, at their coefficients.
    """
    whole = PartialLikelihood(known.days, known.event)
    gained, left_out = np.zeros(len(strengths)), np.zeros((len(strengths), len(columns)))
    for held in inner_folds(known.event, seed):
        part = PartialLikelihood(known.days[~held], known.event[~held])
        risks = columns @ path(columns[~held], part, strengths).T  # (n, S)
        gained += [whole.value(risk) - part.value(risk[~held]) for risk in risks.T]
        left_out[:, held] = risks[held].T
    best = int(gained.argmax())
    return Tuned(strengths[best], path(columns, whole, strengths[: best + 1])[-1], left_out[best])


def inner_folds(kinds: NDArray[np.generic], seed: int) -> tuple[NDArray[np.bool_], ...]:
    """INNER masks (n,) of held-out patients, each with its share of every kind; fewer than two patients: none.

    scikit-learn's StratifiedKFold refuses kinds rarer than the folds are many; here some folds go without one.
    """
    shuffled = np.random.default_rng(seed).permutation(len(kinds))
    ordered = shuffled[np.argsort(kinds[shuffled], kind="stable")]
    fold = np.empty(len(kinds), np.int64)
    fold[ordered] = np.arange(len(kinds)) % INNER
    return tuple(fold == number for number in range(min(INNER, len(kinds)))) if len(kinds) > 1 else ()
