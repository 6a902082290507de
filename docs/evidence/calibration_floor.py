"""How large would the calibration error be if every prediction were true? Counting alone makes one.

    python docs/evidence/calibration_floor.py COHORT FOLDS.csv SAID.csv [WORLDS [BINS]]

In each world every patient has one fate: a chance, held against the patient's own predicted curve in each repeat, and a
day of leaving: the true one of who was censored, else one by the Kaplan-Meier of censoring beyond the day of the event.
Prints, for each endpoint and year, the error as found, and its mean, 95 % quantile and tail over the worlds.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.cohorts.folder import read_survival
from model.evaluation.folds import read_folds
from model.evaluation.metrics import CALIBRATION_YEARS
from model.evaluation.predictions import read_predictions
from model.evaluation.reliability import BINS, calibration_curve, expected_error
from model.evaluation.study import prepare_study
from model.evaluation.tested import YEARS_DAYS, Tested, gather_tested

Array = NDArray[np.float64]
SEED, WORLDS = 0, 500
_BEYOND = 1.0e9
"""A day that nobody lives to see."""


def main(cohort: Path, folds: Path, said: Path, worlds: int, bins: int) -> None:
    """Print the table."""
    predictions, labels = read_predictions(said)
    study = prepare_study(said.stem, predictions, labels, read_survival(cohort), read_folds(folds))
    sys.stdout.write("| endpoint, year | ECE | if all were true: mean | 95 % quantile | worlds with more |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for place, endpoint in enumerate(study.endpoints):
        tested = [gather_tested(study, repeat, place) for repeat in range(study.fold.shape[1])]
        leaving = Leaving(study.days[:, place], study.event[:, place])
        random, found = np.random.default_rng(SEED), _errors(tested, bins)
        drawn = np.stack([_errors(_world(tested, leaving, random), bins) for _ in range(worlds)])
        for column, year in enumerate(CALIBRATION_YEARS):
            of_year, here = drawn[:, column], found[column]
            summary = f"{of_year.mean():.3f} | {np.quantile(of_year, 0.95):.3f} | {(of_year >= here).mean():.2f}"
            sys.stdout.write(f"| {endpoint}, {year} | {here:.3f} | {summary} |\n")


def _errors(tested: list[Tested], bins: int) -> Array:
    """The mean over repeats, (years,)."""
    errors = [
        [
            expected_error(calibration_curve(one, np.ones((1, len(one.days))), year, bins))[0]
            for year in CALIBRATION_YEARS
        ]
        for one in tested
    ]
    mean: Array = np.mean(errors, axis=0)
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
    fallen = -np.log(np.maximum(np.column_stack((np.ones(len(survival)), survival)), 1e-12))
    days = np.concatenate(([0.0], YEARS_DAYS))
    wanted = -np.log(chance)
    return np.array(
        [np.interp(at, curve, days, right=_BEYOND) for at, curve in zip(wanted, fallen, strict=True)], dtype=np.float64
    )


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[4:]]
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), *(asked + [WORLDS, BINS][len(asked) :]))
