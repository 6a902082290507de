"""Predictions that are not of these folds and these fates are refused; gaps that are honest are not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from evaluation_cohort import LABELS, made_files, made_study

from model.cohorts.folder import Outcome, SurvivalTime
from model.evaluation.predictions import Prediction
from model.evaluation.study import prepare_study
from schemas.errors import Refused

NAN_5 = (float("nan"),) * 5
Change = Callable[[list[Prediction], list[SurvivalTime], list[Outcome]], Any]


def first(said: list[Prediction], **changes: Any) -> None:
    said[0] = replace(said[0], **changes)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(lambda said, _t, _o: said.pop(), "1 predictions that the folds ask for are missing", id="missing"),
        pytest.param(lambda said, _t, _o: said.clear(), "all predictions", id="none"),
        pytest.param(lambda said, _t, _o: said.append(said[0]), "two predictions", id="twice"),
        pytest.param(lambda said, _t, _o: first(said, fold=7), "folds do not test there", id="other-fold"),
        pytest.param(lambda said, _t, _o: first(said, repeat=7), "folds do not test there", id="other-repeat"),
        pytest.param(lambda said, _t, _o: first(said, patient="x"), "folds do not test there", id="other-patient"),
        pytest.param(lambda said, _t, _o: first(said, endpoint="DSS"), "endpoint 'DSS'", id="other-endpoint"),
        pytest.param(lambda said, _t, _o: first(said, risk=float("nan")), "risk that is no number", id="no-risk"),
        pytest.param(lambda said, _t, _o: first(said, survival=NAN_5), "some patients only", id="partly-blind"),
        pytest.param(lambda said, _t, _o: first(said, survival=(1.2,) * 5), "outside 0 to 1", id="no-probability"),
        pytest.param(lambda said, _t, _o: first(said, classes=(0.5, 0.5)), "2 label prob", id="a-label-less"),
        pytest.param(lambda said, _t, _o: first(said, classes=(0.5, 0.1, 0.1)), "add up to 1", id="no-distribution"),
        pytest.param(lambda _s, times, _o: times.clear(), "no survival time of endpoint 'OS'", id="no-fates"),
        pytest.param(lambda _s, _t, known: known.append(Outcome("p001", "z")), "label 'z'", id="unknown-label"),
    ],
)
def test_refused(change: Change, why: str) -> None:
    said, times, folds, outcomes = made_files(seed=7, patients=12)
    change(said, times, outcomes)
    with pytest.raises(Refused, match=why):
        prepare_study("model", said, LABELS, times, folds, outcomes)


def test_a_refusal_names_no_patient() -> None:
    said, times, folds, outcomes = made_files(seed=7, patients=12)
    first(said, patient="secret")
    with pytest.raises(Refused) as refusal:
        prepare_study("model", said, LABELS, times, folds, outcomes)
    assert "secret" not in str(refusal.value)


def test_an_unknown_fate_or_diagnosis_is_a_gap() -> None:
    said, times, folds, _ = made_files(seed=7, patients=12)
    study = prepare_study("model", said, LABELS, times[1:], folds)
    assert np.isnan(study.days[:, 0]).tolist() == [True] + [False] * 11
    assert (study.truth == -1).all()


def test_the_order_of_predictions_does_not_matter() -> None:
    said, times, folds, outcomes = made_files(seed=7, patients=12)
    turned = prepare_study("noise 0.7", said[::-1], LABELS, times[::-1], folds[::-1], outcomes[::-1])
    straight = made_study(seed=7, patients=12)
    assert turned.patients == straight.patients
    for name in ("fold", "days", "event", "risk", "survival", "truth", "classes"):
        assert np.array_equal(getattr(turned, name), getattr(straight, name), equal_nan=True)
