"""Nothing that is prepared, fitted or chosen sees a test patient: poison in the test rows changes nobody else."""

import csv
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_run import TINY, files_under

from model.baselines.cox import cox
from model.cohort_data import read_data
from model.cohorts.synthetic import write_synthetic
from model.evaluation.fold import Fold, Rows
from model.evaluation.folds import Assigned, make_folds, strata_of
from model.evaluation.masking import left_to_baselines
from model.evaluation.predictions import Prediction
from model.evaluation.runner import Evaluation, evaluate, predict_fold
from model.survival import edges_until
from schemas.errors import Refused

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "clean"
    write_synthetic(folder, patients=48, seed=4, flawed=False)
    return folder


@pytest.fixture(scope="module")
def folds(cohort: Path) -> tuple[Assigned, ...]:
    return make_folds(strata_of(cohort), repeats=1, folds=2, seed=0)


@pytest.fixture(scope="module")
def poisoned(cohort: Path, folds: tuple[Assigned, ...]) -> Path:
    """The cohort with other fates of every patient tested in fold 0, and other values of every second of them."""
    folder = cohort.parent / "poisoned"
    shutil.copytree(cohort, folder)
    tested = sorted(one.patient for one in folds if one.fold == 0)
    rewrite(folder / "survival.csv", tested, {"time_days": "1", "event": "1"})
    rewrite(folder / "outcomes.csv", tested, {"diagnosis": "benign", "response": ""})
    lines = [json.loads(line) for line in (folder / "events.ndjson").read_text().splitlines()]
    for line in lines:
        if any(f'"Patient/{name}"' in json.dumps(line["value"]) for name in tested[::2]):
            spoil(line["value"])
    (folder / "events.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def rewrite(path: Path, patients: list[str], changes: dict[str, str]) -> None:
    rows = list(csv.DictReader(path.open()))
    for row in rows:
        row.update(changes if row["patient"] in patients else {})
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def spoil(value: Any) -> None:
    """Every quantity a thousand times what it was."""
    if isinstance(value, dict):
        if "valueQuantity" in value:
            value["valueQuantity"]["value"] *= 1000
        for part in value.values():
            spoil(part)
    elif isinstance(value, list):
        for part in value:
            spoil(part)


def predicted(
    cohort: Path, folds: tuple[Assigned, ...], model: str, views: Sequence[tuple[str, ...]] = ((),)
) -> list[list[Prediction]]:
    """What is said of fold 0 with each of the views of blocks."""
    data = read_data(cohort, files_under(cohort), TINY.reading)
    said = predict_fold(Evaluation(data, folds, (model,), TINY, tuple(views)), repeat=0, fold=0)
    return [comparable(said[model, kept]) for kept in views]


def comparable(said: list[Prediction]) -> list[Prediction]:
    """NaN is not equal to itself: what lies beyond the horizon becomes -1."""
    return [replace(one, survival=tuple(-1.0 if math.isnan(s) else s for s in one.survival)) for one in said]


@pytest.mark.parametrize("model", ["ours", "linear-x3", "stacked-cox", "concat-mlp"])
def test_poison_in_test_patients_changes_no_other_prediction(
    cohort: Path, poisoned: Path, folds: tuple[Assigned, ...], model: str
) -> None:
    [clean], [other] = (predicted(folder, folds, model) for folder in (cohort, poisoned))
    spoilt = set(sorted(one.patient for one in folds if one.fold == 0)[::2])
    assert [said for said in other if said.patient not in spoilt] == [
        said for said in clean if said.patient not in spoilt
    ]
    assert [said for said in other if said.patient in spoilt] != [said for said in clean if said.patient in spoilt]


def test_poison_in_training_patients_is_felt(cohort: Path, poisoned: Path, folds: tuple[Assigned, ...]) -> None:
    swapped = tuple(replace(one, fold=1 - one.fold) for one in folds)
    [clean], [other] = (predicted(folder, swapped, "stacked-cox") for folder in (cohort, poisoned))
    assert clean != other


def test_every_patient_is_predicted_once_a_repeat_whatever_the_workers(
    cohort: Path, folds: tuple[Assigned, ...]
) -> None:
    evaluation = Evaluation(read_data(cohort, files_under(cohort), TINY.reading), folds, ("late-fusion", "cox"), TINY)
    together = comparable([said for _, part in evaluate(evaluation, workers=2) for said in part["late-fusion", ()]])
    alone = comparable([said for fold in (0, 1) for said in predict_fold(evaluation, 0, fold)["late-fusion", ()]])
    assert sorted(together, key=str) == sorted(alone, key=str)
    assert {said.patient for said in together} <= {one.patient for one in folds}
    assert len({(said.patient, said.endpoint) for said in together}) == len(together)


@pytest.mark.parametrize("model", ["ours", "linear", "cox"])
def test_a_block_alone_says_something_else_than_all_of_them(
    cohort: Path, folds: tuple[Assigned, ...], model: str
) -> None:
    everything, alone = predicted(cohort, folds, model, ((), ("clinical",)))
    of_alone = {(said.patient, said.endpoint): said.risk for said in alone}
    same = [of_alone.get((said.patient, said.endpoint)) == said.risk for said in everything]
    assert not all(same)
    assert len(alone) <= len(everything)


@pytest.mark.parametrize("model", ["ours", "linear", "rsf"])
def test_a_fold_of_whose_patients_nothing_is_left_is_empty(cohort: Path, model: str) -> None:
    data = read_data(cohort, files_under(cohort), TINY.reading)
    scanned = {data.patients[row] for row in data.recording.owners["imaging/cnn"].tolist()}
    rest = {piece.patient for piece in data.light} - scanned
    folds = tuple(Assigned(patient, 0, int(patient not in rest)) for patient in data.patients)
    said = predict_fold(Evaluation(data, folds, (model,), TINY, ((), ("imaging",))), repeat=0, fold=0)
    assert {one.patient for one in said[model, ()]} == rest
    assert said[model, ("imaging",)] == []


def test_an_unknown_block_is_refused(cohort: Path, folds: tuple[Assigned, ...]) -> None:
    with pytest.raises(Refused, match="clinical"):
        predicted(cohort, folds, "cox", (("blood",),))


def test_a_baseline_that_is_shown_one_block_never_learnt_from_another() -> None:
    rng = np.random.default_rng(0)
    train, test = (Rows(rng.normal(size=(n, 5)), np.ones((n, 2), np.bool_)) for n in (40, 10))
    days, event = rng.exponential(500, (40, 1)), np.ones((40, 1), np.bool_)
    fold = Fold(
        train=train,
        test=test,
        blocks={"clinical": slice(0, 2), "blood": slice(2, 5)},
        endpoints=("OS",),
        days=days,
        event=event,
        labels=(),
        diagnosis=np.full(40, -1),
        edges_days=np.array(edges_until(1826)),
        seed=0,
    )
    left = left_to_baselines(fold, ("clinical",))
    other = replace(fold, train=Rows(np.where(np.arange(5) < 2, train.columns, -train.columns), train.present))
    assert (left.train.present == [True, False]).all()
    np.testing.assert_array_equal(cox(left).survival, cox(left_to_baselines(other, ("clinical",))).survival)
    assert not np.array_equal(cox(fold).survival, cox(other).survival)
