"""Figures of the diagnosis equal scikit-learn's; conformal coverage is counted a pattern."""

import numpy as np
import pytest
from evaluation_cohort import made_study
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from model.evaluation import naming
from model.evaluation.conformal import Covered, coverage_by_pattern
from model.evaluation.naming import gather_named

ONE_FOLD = gather_named(made_study(seed=5, repeats=1, folds=2), 0)
WEIGHTS = np.concatenate((np.ones((1, 240)), np.random.default_rng(6).integers(0, 3, (3, 240)).astype(np.float64)))


def test_accuracy_and_log_loss_are_those_of_scikit_learn() -> None:
    right = [accuracy_score(ONE_FOLD.truth, ONE_FOLD.classes.argmax(1), sample_weight=drawn) for drawn in WEIGHTS]
    lost = [log_loss(ONE_FOLD.truth, ONE_FOLD.classes, sample_weight=drawn) for drawn in WEIGHTS]
    assert naming.accuracy(ONE_FOLD, WEIGHTS) == pytest.approx(right)
    assert naming.log_loss(ONE_FOLD, WEIGHTS) == pytest.approx(lost)


def test_macro_auroc_is_that_of_scikit_learn_inside_a_fold() -> None:
    part = ONE_FOLD.folds[0]
    truth, classes = ONE_FOLD.truth[part], ONE_FOLD.classes[part]
    alone = naming.Named(ONE_FOLD.rows[part], (slice(0, len(truth)),), truth, classes)
    theirs = roc_auc_score(truth, classes, multi_class="ovr", average="macro")
    assert naming.macro_auroc(alone, np.ones((1, len(truth)))).tolist() == pytest.approx([theirs])
    drawn = WEIGHTS[1, part]
    by_label = [roc_auc_score(truth == label, classes[:, label], sample_weight=drawn) for label in range(3)]
    assert naming.macro_auroc(alone, drawn[None]).tolist() == pytest.approx([np.mean(by_label)])


def test_a_label_that_nobody_has_is_left_out_of_the_mean() -> None:
    weights = (ONE_FOLD.truth != 2)[None].astype(np.float64)
    assert np.isfinite(naming.macro_auroc(ONE_FOLD, weights)).all()
    assert np.isnan(naming.macro_auroc(ONE_FOLD, (ONE_FOLD.truth == 2)[None].astype(np.float64))).all()


def test_label_error_by_hand() -> None:
    confidence = np.repeat((0.6, 0.9), 10)
    classes = np.stack((confidence, 1 - confidence), 1)
    truth = np.array([0] * 3 + [1] * 7 + [0] * 10)
    named_20 = naming.Named(np.arange(20), (slice(0, 20),), truth, classes)
    assert naming.label_error(named_20, np.ones((1, 20))).tolist() == pytest.approx([(0.3 + 0.1) / 2])


def test_coverage_by_pattern() -> None:
    found = coverage_by_pattern(["c", "c+g", "c", "c", "c"], np.array([True, False, True, False, True]))
    assert found == (
        Covered("c", 4, 0.75, pytest.approx(np.sqrt(0.75 * 0.25 / 4))),
        Covered("c+g", 1, 0.0, 0.0),
    )
    with pytest.raises(ValueError, match="2 patterns for 1"):
        coverage_by_pattern(["c", "c"], np.array([True]))
