"""The test patients of one repeat and one endpoint, weighted against censoring by their training patients."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from model.evaluation.censoring import inverse_censoring, kaplan_meier
from model.evaluation.predictions import YEARS
from model.evaluation.study import Study
from model.survival import YEAR_DAYS
from schemas.errors import Reason, Refused

Array = NDArray[np.float64]
YEARS_DAYS = np.array(YEARS) * YEAR_DAYS


@dataclass(frozen=True)
class Tested:
    """n patients, fold after fold; Y = YEARS."""

    rows: NDArray[np.int64]
    """(n,) places in the study's patients."""
    folds: tuple[slice, ...]
    """Which of the n each fold tests."""
    days: Array
    event: NDArray[np.bool_]
    risk: Array
    survival: Array
    """(n, Y)."""
    inverse: Array
    """(n,): 1 / G(days), G the censoring Kaplan-Meier of the fold's training patients; NaN where no time is known of
    any of them."""
    inverse_years: Array
    """(n, Y): 1 / G(year); NaN where no training patient was followed past it."""
    baseline: Array
    """(n, Y): the training patients' Kaplan-Meier; NaN as above."""

    def knows(self, year: int) -> bool:
        """Whether a survival is predicted for that year and the folds' training patients were followed past it."""
        column = YEARS.index(year)
        known = np.isfinite(self.survival[:, column] + self.inverse_years[:, column])
        return bool(known.any() and known.all())

    def cases(self, year: int) -> Array:
        """(n,): 1 / G(days) of those whose event came by that year, else 0 (Graf 1999)."""
        return np.where(self.event & (self.days <= year * YEAR_DAYS), self.inverse, 0.0)

    def controls(self, year: int) -> Array:
        """(n,): 1 / G(year) of those followed past that year, else 0; who was censored earlier is neither."""
        return np.where(self.days > year * YEAR_DAYS, self.inverse_years[:, YEARS.index(year)], 0.0)

    def survival_at(self, year: int) -> Array:
        """(n,)."""
        predicted: Array = self.survival[:, YEARS.index(year)]
        return predicted


def spans_of(fold: NDArray[np.int64]) -> tuple[slice, ...]:
    """Sorted folds (n,) -> which of the n each fold tests; none of nobody."""
    starts = np.unique(fold, return_index=True)[1].tolist()
    return tuple(slice(*edges) for edges in pairwise((*starts, len(fold))))


def gather_tested(study: Study, repeat: int, endpoint: int) -> Tested:
    """Those of the repeat with a time for the endpoint; Refused where the repeat has a single fold."""
    fold, days, event = study.fold[:, repeat], study.days[:, endpoint], study.event[:, endpoint]
    if len(np.unique(fold[fold >= 0])) < 2:
        raise Refused(Reason.UNREADABLE_FILE, "a fold without training patients; make at least 2 folds a repeat")
    timed = np.isfinite(days) & (fold >= 0)
    rows = np.nonzero(timed)[0]
    rows = rows[np.argsort(fold[rows], kind="stable")]
    inverse, years, baseline = (np.full((len(rows), *more), np.nan) for more in ((), (len(YEARS),), (len(YEARS),)))
    folds = spans_of(fold[rows])
    for part in folds:
        train = timed & (fold != fold[rows[part.start]])
        if not train.any():
            continue  # all whose time is known are in this fold: nothing says how they are censored
        known = (days[train], event[train])
        at = np.concatenate((days[rows[part]], YEARS_DAYS))
        weights, free = inverse_censoring(*known, at), kaplan_meier(*known, YEARS_DAYS)
        beyond = known[0].max() <= YEARS_DAYS
        inverse[part] = weights[: -len(YEARS)]
        years[part], baseline[part] = (np.where(beyond, np.nan, of) for of in (weights[-len(YEARS) :], free))
    risk, survival = study.risk[rows, repeat, endpoint], study.survival[rows, repeat, endpoint]
    return Tested(rows, folds, days[rows], event[rows], risk, survival, inverse, years, baseline)
