"""What a model finds when it may be wrong of one healthy patient in ten."""

import numpy as np
from numpy.typing import NDArray

from model.evaluation.resampling import ratio
from model.evaluation.tested import Tested

Array = NDArray[np.float64]
SPECIFICITY = 0.9


def sensitivity(tested: Tested, weights: Array, year: int, specificity: float = SPECIFICITY) -> Array:
    """Share of the events by the year above the lowest threshold that reaches the specificity: (B, n) -> (B,).

    The threshold on 1 - S(year) is one a repeat, all folds together, found anew in every draw. Cases and controls are
    weighted against censoring; who was censored before the year is left out.
    """
    risk = 1 - tested.survival_at(year)
    order = np.argsort(risk, kind="stable")
    starts = np.unique(risk[order], return_index=True)[1]  # a threshold cannot part the tied
    below = [
        np.cumsum(np.add.reduceat((weights * side)[:, order], starts, axis=1), 1)  # (B, thresholds)
        for side in (tested.cases(year), tested.controls(year))
    ]
    missed, spared = below
    enough = spared >= specificity * spared[:, -1:] * (1 - 1e-12)  # sums of the same weights differ in the last bits
    lowest = enough.argmax(1)[:, None]
    found = 1 - ratio(np.take_along_axis(missed, lowest, 1)[:, 0], missed[:, -1])
    return np.where(spared[:, -1] > 0, found, np.nan)
