"""One fold as a contender gets it: prepared on its training rows alone, and without a test patient's fate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """n patients as columns."""

    columns: NDArray[np.float64]
    """(n, C): z-scores by the training rows' means and deviations, clipped; 0 where absent."""
    present: NDArray[np.bool_]
    """(n, B): which blocks of columns a patient has."""


@dataclass(frozen=True)
class Fold:
    """What may be learnt from, and what is to be predicted."""

    train: Rows
    test: Rows
    blocks: Mapping[str, slice]
    """Block name -> its columns, in the order of B: `clinical`, `pathology`, `blood`, `imaging`, ..."""
    endpoints: tuple[str, ...]
    """P endpoints."""
    days: NDArray[np.float64]
    """(n_train, P) follow-up in days; NaN where nothing is known."""
    event: NDArray[np.bool_]
    """(n_train, P): it happened at `days`; else the patient was censored then."""
    labels: tuple[str, ...]
    """C diagnosis labels; empty for a cohort without any."""
    diagnosis: NDArray[np.int64]
    """(n_train,) place in `labels`; -1 unknown."""
    edges_days: NDArray[np.float64]
    """(J,) right edges of the survival bins."""
    seed: int


@dataclass(frozen=True)
class Forecast:
    """What a contender says of the n test rows."""

    survival: NDArray[np.float64]
    """(n, P, J): probability of being free of the endpoint's event at each right edge; never rising."""
    classes: NDArray[np.float64]
    """(n, C): probability of each label; (n, 0) without labels."""


Contender = Callable[[Fold], Forecast]
"""Learn from a fold's training rows, speak of its test rows; the same fold gives the same forecast."""
