"""A made cohort with what trips estimators: tied days, tied risks, censoring that depends on time."""

from dataclasses import replace

import numpy as np

from model.cohorts.folder import Outcome, SurvivalTime
from model.evaluation.folds import Assigned
from model.evaluation.predictions import YEARS, Prediction
from model.evaluation.study import Study, prepare_study
from model.evaluation.tested import Tested
from model.survival import YEAR_DAYS

LABELS = ("a", "b", "c")


def made_study(seed: int, patients: int = 240, noise: float = 0.7, repeats: int = 2, folds: int = 3) -> Study:
    """One endpoint `OS`, exponential times in whole months by a risk that the model sees with noise."""
    said, times, assigned, outcomes = made_files(seed, patients, noise, repeats, folds)
    return prepare_study(f"noise {noise}", said, LABELS, times, assigned, outcomes)


def made_files(
    seed: int, patients: int = 240, noise: float = 0.7, repeats: int = 2, folds: int = 3
) -> tuple[list[Prediction], list[SurvivalTime], list[Assigned], list[Outcome]]:
    """What `made_study` is made of; the noise has its own stream, so that models differ and fates do not."""
    fate, doubt = np.random.default_rng(seed), np.random.default_rng(seed + 1000)
    names = [f"p{number:03d}" for number in range(patients)]
    score = fate.normal(size=patients)
    event_days = fate.exponential(6 * YEAR_DAYS / np.exp(score))
    censored_days = np.minimum(fate.exponential(9 * YEAR_DAYS, patients), 8 * YEAR_DAYS)
    days = np.ceil(np.minimum(event_days, censored_days) / 30) * 30
    days[:folds] = 9 * YEAR_DAYS  # one a fold in the first repeat: every training part outlives every test
    event = (event_days <= censored_days) & (days < 9 * YEAR_DAYS)
    truth = fate.integers(len(LABELS), size=patients)
    times = [SurvivalTime(name, "OS", day, bool(was)) for name, day, was in zip(names, days, event, strict=True)]
    assigned, said = [], []
    for repeat in range(repeats):
        places = np.arange(patients) % folds if repeat == 0 else fate.permutation(patients) % folds
        seen = np.round(score + noise * doubt.normal(size=patients), 1) / (1 + noise**2)  # what it is worth
        logits = doubt.normal(size=(patients, len(LABELS))) + np.eye(len(LABELS))[truth]
        classes = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        for row, name in enumerate(names):
            assigned.append(Assigned(name, repeat, int(places[row])))
            curve = tuple(float(np.exp(-year / 6 * np.exp(seen[row]))) for year in YEARS)
            risk = float(-np.log(curve[-1]))
            said.append(Prediction(name, repeat, int(places[row]), "OS", risk, curve, tuple(map(float, classes[row]))))
    outcomes = [Outcome(name, LABELS[label]) for name, label in zip(names, truth, strict=True)]
    return said, times, assigned, outcomes


def only_fold(tested: Tested, number: int) -> Tested:
    """The same with one fold's patients."""
    part = tested.folds[number]
    held = {name: getattr(tested, name)[part] for name in Tested.__annotations__ if name != "folds"}
    return replace(tested, folds=(slice(0, len(held["rows"])),), **held)
