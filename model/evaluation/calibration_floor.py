"""How large would the calibration error be if every prediction were true? Counting alone makes one.

In each world every patient has one fate: a chance, held against the patient's own predicted curve in each repeat, and a
day of leaving: the true one of who was censored, else one by the Kaplan-Meier of censoring beyond the day of the event.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.evaluation.metrics import CALIBRATION_YEARS
from model.evaluation.reliability import calibration_curve, expected_error
from model.evaluation.study import Study
from model.evaluation.tested import YEARS_DAYS, Tested, gather_tested

Array = NDArray[np.float64]
SEED, WORLDS = 0, 100
FLOOR_BINS = (5, 10)
_BEYOND = 1.0e9
"""A day that nobody lives to see."""


@dataclass(frozen=True)
class Floor:
    """One calibration error as found, and the same of predictions that are true, over the worlds."""

    endpoint: str
    year: int
    bins: int
    found: float
    mean: float
    high: float
    """95 % quantile."""
    above: float
    """Share of worlds whose error is at least the one found."""


def calibration_floors(study: Study, worlds: int = WORLDS, bins: tuple[int, ...] = FLOOR_BINS) -> tuple[Floor, ...]:
    """Of each endpoint, number of bins and year, but for years at which `measure` leaves calibration out."""
    return tuple(floor for place in range(len(study.endpoints)) for floor in _of_endpoint(study, place, worlds, bins))


def _of_endpoint(study: Study, place: int, worlds: int, bins: tuple[int, ...]) -> Iterator[Floor]:
    tested = [gather_tested(study, repeat, place) for repeat in range(study.fold.shape[1])]
    years = tuple(year for year in CALIBRATION_YEARS if all(len(one.folds) > 1 and one.knows(year) for one in tested))
    if not years or not all(np.isfinite(one.survival).all() for one in tested):
        return
    leaving = Leaving(study.days[:, place], study.event[:, place])
    random, found = np.random.default_rng(SEED), _errors(tested, bins, years)
    drawn = np.stack([_errors(_world(tested, leaving, random), bins, years) for _ in range(worlds)])  # (W, bins, years)
    for row, number in enumerate(bins):
        for column, year in enumerate(years):
            here, errors = float(found[row, column]), drawn[:, row, column]
            high, above = float(np.quantile(errors, 0.95)), float((errors >= here).mean())
            yield Floor(study.endpoints[place], year, number, here, float(errors.mean()), high, above)


def _errors(tested: list[Tested], bins: tuple[int, ...], years: tuple[int, ...]) -> Array:
    """The mean over repeats: (bins, years)."""

    def error(one: Tested, number: int, year: int) -> float:
        return float(expected_error(calibration_curve(one, np.ones((1, len(one.days))), year, number))[0])

    found = [[[error(one, number, year) for year in years] for number in bins] for one in tested]
    mean: Array = np.mean(found, axis=0)
    return mean


class Leaving:
    """When patients would have been censored; days and event (N,), NaN where nothing is known."""

    def __init__(self, days: Array, event: NDArray[np.bool_]) -> None:
        self._days, self._event = days, event
        self._at = np.unique(days[~event & np.isfinite(days)])
        left = [1 - (~event & (days == day)).sum() / (days >= day).sum() for day in self._at]
        self._steps = -np.diff(np.concatenate(([1.0], np.cumprod(left))))

    def draw(self, random: np.random.Generator) -> Array:
        """(N,) days: one's own where it is known."""
        drawn = self._days.copy()
        for row in np.flatnonzero(self._event):
            later = self._steps * (self._at > self._days[row])
            drawn[row] = random.choice(self._at, p=later / later.sum()) if later.sum() > 0 else _BEYOND
        return drawn


def _world(tested: list[Tested], leaving: Leaving, random: np.random.Generator) -> list[Tested]:
    leaves = leaving.draw(random)
    chance = random.random(len(leaves))
    found = []
    for one in tested:
        dies = _event_days(one.survival, chance[one.rows])
        left = leaves[one.rows]
        found.append(replace(one, days=np.minimum(dies, left), event=dies <= left))
    return found


def _event_days(survival: Array, chance: Array) -> Array:
    """The day at which each curve (n, Y) falls to its chance (n,); a constant hazard within a year."""
    fallen = -np.log(np.maximum(np.column_stack((np.ones(len(survival)), survival)), 1e-12))  # (n, 1 + Y), rising
    days, wanted, rows = np.concatenate(([0.0], YEARS_DAYS)), -np.log(chance), np.arange(len(chance))
    year = (fallen <= wanted[:, None]).sum(1) - 1
    lives = year == len(YEARS_DAYS)
    start = np.where(lives, 0, year)
    before, after = fallen[rows, start], fallen[rows, start + 1]
    share = (wanted - before) / np.where(after > before, after - before, 1.0)
    return np.where(lives, _BEYOND, days[start] + share * (days[start + 1] - days[start]))
