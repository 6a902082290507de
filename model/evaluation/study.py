"""A study: what one model said of a cohort out of fold, held against what happened, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.cohorts.folder import Outcome, SurvivalTime
from model.evaluation.folds import Assigned
from model.evaluation.predictions import YEARS, Prediction
from schemas.errors import Reason, Refused

Array = NDArray[np.float64]
_SUMS_TO_ONE = 1e-3
"""Six significant digits a label add up to this at worst."""


@dataclass(frozen=True)
class Study:
    """N patients, R repeats, P endpoints, Y = YEARS, C diagnosis labels."""

    name: str
    """The model's."""
    patients: tuple[str, ...]
    fold: NDArray[np.int64]
    """(N, R): where a patient is tested in a repeat; -1 nowhere."""
    endpoints: tuple[str, ...]
    days: Array
    """(N, P) follow-up; NaN where nothing is known."""
    event: NDArray[np.bool_]
    """(N, P)."""
    risk: Array
    """(N, R, P); NaN where a patient is not tested, as in the next two."""
    survival: Array
    """(N, R, P, Y); NaN beyond the model's horizon too."""
    labels: tuple[str, ...]
    truth: NDArray[np.int64]
    """(N,) place in `labels`; -1 unknown."""
    classes: Array
    """(N, R, C)."""


def prepare_study(
    name: str,
    predictions: Sequence[Prediction],
    labels: tuple[str, ...],
    times: Sequence[SurvivalTime],
    folds: Sequence[Assigned],
    outcomes: Sequence[Outcome] = (),
) -> Study:
    """Hold predictions against folds and fates; Refused where they are not of one another.

    Every patient must have one prediction an endpoint in the repeats in which the folds test that patient, and no
    other. A patient of the folds without a survival time (or a diagnosis) stays, and is no part of that endpoint.
    Where all are of the endpoint `""`, as of a cohort without any, the study has none.
    """
    patients = tuple(sorted({one.patient for one in folds}))
    place = {patient: row for row, patient in enumerate(patients)}
    fold, repeats = _fold_array(folds, place)
    endpoints = tuple(dict.fromkeys(said.endpoint for said in predictions))
    timed = () if endpoints == ("",) else endpoints
    days, event = _fates(times, place, timed)
    told = _Told(len(patients), len(repeats), len(endpoints), len(labels))
    for said in predictions:
        row, repeat = place.get(said.patient, -1), repeats.get(said.repeat, -1)
        if row < 0 or repeat < 0 or fold[row, repeat] != said.fold:
            raise _refused("a prediction whose patient the folds do not test there; evaluate with these folds")
        told.take(said, (row, repeat, endpoints.index(said.endpoint)))
    told.check(fold)
    truth = _truth(outcomes, place, labels)
    risk, survival = told.risk[..., : len(timed)], told.survival[:, :, : len(timed)]
    return Study(name, patients, fold, timed, days, event, risk, survival, labels, truth, told.classes)


class _Told:
    """The predictions as arrays, filled one by one and checked at the end."""

    def __init__(self, patients: int, repeats: int, endpoints: int, labels: int) -> None:
        self.risk = np.full((patients, repeats, endpoints), np.nan)
        self.survival = np.full((patients, repeats, endpoints, len(YEARS)), np.nan)
        self.classes = np.full((patients, repeats, labels), np.nan)

    def take(self, said: Prediction, at: tuple[int, int, int]) -> None:
        if np.isfinite(self.risk[at]):
            raise _refused("two predictions of one patient, repeat and endpoint; keep one")
        if not np.isfinite(said.risk):
            raise _refused("a risk that is no number; evaluate again")
        if len(said.classes) != self.classes.shape[-1]:
            raise _refused(f"{len(said.classes)} label probabilities for {self.classes.shape[-1]} labels")
        self.risk[at], self.survival[at], self.classes[at[:2]] = said.risk, said.survival, said.classes

    def check(self, fold: NDArray[np.int64]) -> None:
        tested = fold >= 0
        missing = int(np.isnan(self.risk[tested]).sum())
        if missing or not self.risk.size:
            raise _refused(f"{missing or 'all'} predictions that the folds ask for are missing; evaluate all folds")
        survival = self.survival[tested]  # (tests, P, Y)
        if (np.isnan(survival).any(0) != np.isnan(survival).all(0)).any():
            raise _refused("a survival that is a number for some patients only; one cohort has one horizon")
        if ((survival < 0) | (survival > 1)).any():
            raise _refused("a survival outside 0 to 1; wanted probabilities")
        classes = self.classes[tested]
        if classes.shape[1] and not (
            (classes >= 0).all() and (np.abs(classes.sum(1) - 1) < _SUMS_TO_ONE).all()  # a NaN fails both
        ):
            raise _refused("label probabilities that do not add up to 1")


def _fold_array(folds: Sequence[Assigned], place: dict[str, int]) -> tuple[NDArray[np.int64], dict[int, int]]:
    repeats = {repeat: column for column, repeat in enumerate(sorted({one.repeat for one in folds}))}
    fold = np.full((len(place), len(repeats)), -1, np.int64)
    for one in folds:
        fold[place[one.patient], repeats[one.repeat]] = one.fold
    return fold, repeats


def _fates(
    times: Sequence[SurvivalTime], place: dict[str, int], endpoints: tuple[str, ...]
) -> tuple[Array, NDArray[np.bool_]]:
    days, event = np.full((len(place), len(endpoints)), np.nan), np.zeros((len(place), len(endpoints)), np.bool_)
    for time in times:
        if time.patient in place and time.endpoint in endpoints:
            at = place[time.patient], endpoints.index(time.endpoint)
            days[at], event[at] = time.time_days, time.event
    for endpoint, column in zip(endpoints, days.T, strict=True):
        if np.isnan(column).all():
            raise _refused(f"no survival time of endpoint {endpoint!r} for any patient of the folds")
    return days, event


def _truth(outcomes: Sequence[Outcome], place: dict[str, int], labels: tuple[str, ...]) -> NDArray[np.int64]:
    truth = np.full(len(place), -1, np.int64)
    for outcome in outcomes:
        if labels and outcome.diagnosis and outcome.patient in place:
            if outcome.diagnosis not in labels:
                raise _refused(f"no probability of the label {outcome.diagnosis!r}, which the outcomes name")
            truth[place[outcome.patient]] = labels.index(outcome.diagnosis)
    return truth


def _refused(found: str) -> Refused:
    return Refused(Reason.UNREADABLE_FILE, f"predictions: {found}")
