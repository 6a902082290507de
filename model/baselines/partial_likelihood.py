"""Cox's log partial likelihood, summed over events: its value, its slopes, its curvature, its baseline."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class PartialLikelihood:
    """Of n patients followed for `days` until `event` or censoring; risks are log hazard ratios (n,).

    Ties after Breslow (1974): all who share a day are at risk on it. Patients are sorted with the latest
    first, so that a risk set is a prefix and every sum over one is a cumulative sum.
    """

    def __init__(self, days: Array, event: NDArray[np.bool_]) -> None:
        self._order = np.argsort(-days, kind="stable")
        late = -days[self._order]
        self._first = np.searchsorted(late, late, side="left")
        self._last = np.searchsorted(late, late, side="right") - 1
        self._event = event[self._order]
        self._days = -late

    def value(self, risk: Array) -> float:
        """The log partial likelihood; finite for every finite risk."""
        ordered = risk[self._order]
        return float((ordered - self._log_at_risk(ordered))[self._event].sum())

    def slopes(self, risk: Array) -> tuple[Array, Array]:
        """Its derivative by each patient's risk (n,), and how many events were expected of each patient (n,)."""
        ordered = risk[self._order]
        hazard = np.where(self._event, np.exp(-self._log_at_risk(ordered)), 0.0)
        until = hazard[::-1].cumsum()[::-1][self._first]  # cumulative baseline hazard at each patient's own day
        expected = np.empty_like(risk)
        expected[self._order] = np.exp(ordered) * until
        event = np.empty_like(self._event)
        event[self._order] = self._event
        return event - expected, expected

    def curvature(self, columns: Array, risk: Array) -> Array:
        """Minus its second derivative by the coefficients of these columns (n, C): (C, C), positive semidefinite."""
        _, expected = self.slopes(risk)
        sorted_columns, ordered = columns[self._order], risk[self._order]
        share = np.exp(ordered - ordered.max())[:, None]
        sums, total = (share * sorted_columns).cumsum(0), share.cumsum(0)
        means = (sums / total)[self._last[self._event]]  # (events, C): the mean column of each risk set
        second: Array = (columns * expected[:, None]).T @ columns - means.T @ means
        return second

    def log_baseline(self, risk: Array, at_days: Array) -> Array:
        """Log of the cumulative hazard of risk 0 until each of `at_days` (J,) (Breslow 1972); -inf before an event."""
        log_at_risk = self._log_at_risk(risk[self._order])[self._event]
        earliest_first = np.logaddexp.accumulate(-log_at_risk[::-1])
        count = np.searchsorted(self._days[self._event][::-1], at_days, side="right")
        return np.concatenate(([-np.inf], earliest_first))[count]

    def _log_at_risk(self, ordered: Array) -> Array:
        """Log of the summed hazard ratios of those at risk on each patient's day (n,), in the order of time."""
        return np.asarray(np.logaddexp.accumulate(ordered)[self._last], np.float64)
