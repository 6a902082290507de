"""Predictions held against a cohort folder: the study of those folds that they speak of, measured."""

from collections.abc import Sequence
from pathlib import Path

from model.cohorts.folder import read_card, read_outcomes, read_survival
from model.evaluation.folds import Assigned
from model.evaluation.measure import Measures, measure
from model.evaluation.predictions import Prediction, read_predictions
from model.evaluation.study import prepare_study

SEED = 0
"""Of the draws of patients: all models of a cohort are measured on the same ones."""


def judge(
    name: str, said: Sequence[Prediction], labels: tuple[str, ...], cohort: Path, folds: Sequence[Assigned], draws: int
) -> Measures:
    """All figures of one model, and their means over the cohort's first two endpoints; Refused as `prepare_study`.

    A patient of whom nothing is said in a repeat is no part of it: models shown one block alone speak of fewer.
    """
    told = {(one.patient, one.repeat) for one in said}
    tested = [one for one in folds if (one.patient, one.repeat) in told]
    study = prepare_study(name, said, labels, read_survival(cohort), tested, read_outcomes(cohort))
    pair = tuple(each for each in read_card(cohort).tasks.endpoints[:2] if each in study.endpoints)
    return measure(study, draws, SEED, pair if len(pair) == 2 else ())


def judge_file(file: Path, cohort: Path, folds: Sequence[Assigned], draws: int) -> Measures:
    """The same of a file of predictions, which names its model."""
    return judge(file.stem, *read_predictions(file), cohort, folds, draws)
