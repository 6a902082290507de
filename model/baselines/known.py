"""An endpoint at a time: who is known, and what is said where too few events are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from lifelines import KaplanMeierFitter
from numpy.typing import NDArray

from model.baselines.partial_likelihood import Array
from model.evaluation.fold import Fold, Rows

_LEAST_EVENTS = 2


@dataclass(frozen=True)
class Known:
    """The n training patients of whom an endpoint is known."""

    rows: Rows
    days: Array
    """(n,) none of them NaN."""
    event: NDArray[np.bool_]
    """(n,)"""
    place: int
    """Of the endpoint among the fold's."""

    @property
    def can_teach(self) -> bool:
        """Enough events to fit a model."""
        return int(self.event.sum()) >= _LEAST_EVENTS

    def among(self, chosen: NDArray[np.bool_]) -> "Known":
        """Those of them who are `chosen` (n,)."""
        rows = Rows(self.rows.columns[chosen], self.rows.present[chosen])
        return Known(rows, self.days[chosen], self.event[chosen], self.place)


def each_endpoint(fold: Fold, learn: Callable[[Known], Array]) -> Array:
    """Survival of the n test patients (n, P, J): what `learn` says (n, J) of each endpoint.

    An endpoint that cannot teach gives everyone the training rows' Kaplan-Meier curve.
    """
    curves = np.empty((len(fold.test.columns), len(fold.endpoints), len(fold.edges_days)))
    for place in range(len(fold.endpoints)):
        known = known_of(fold, place)
        curves[:, place] = learn(known) if known.can_teach else kaplan_meier(known, fold.edges_days)
    return curves


def known_of(fold: Fold, place: int) -> Known:
    """The training patients of whom the endpoint at this place is known."""
    everyone = Known(fold.train, fold.days[:, place], fold.event[:, place], place)
    return everyone.among(~np.isnan(everyone.days))


def kaplan_meier(known: Known, edges: Array) -> Array:
    """Kaplan & Meier's (1958) survival at the edges (J,); 1 where nobody is known."""
    if not len(known.days):
        return np.ones(len(edges))
    return np.asarray(KaplanMeierFitter().fit(known.days, known.event).survival_function_at_times(edges), np.float64)
