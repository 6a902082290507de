"""Brier scores equal scikit-survival's and torchsurv's; censoring curves equal theirs, ties and all."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from evaluation_cohort import made_study, only_fold
from sksurv.metrics import brier_score, integrated_brier_score
from sksurv.nonparametric import CensoringDistributionEstimator, kaplan_meier_estimator
from sksurv.util import Surv
from torchsurv.metrics.brier_score import BrierScore
from torchsurv.stats.ipcw import get_ipcw

from model.evaluation.brier import integrated_brier, losses, skill
from model.evaluation.censoring import inverse_censoring, kaplan_meier
from model.evaluation.predictions import YEARS
from model.evaluation.tested import YEARS_DAYS, gather_tested

WHOLE = gather_tested(made_study(seed=2), 0, 0)
FOLD = only_fold(WHOLE, 0)
TRAIN = np.ones(len(WHOLE.rows), np.bool_)
TRAIN[WHOLE.folds[0]] = False
SURVIVAL_TRAIN = Surv.from_arrays(WHOLE.event[TRAIN], WHOLE.days[TRAIN])
SURVIVAL_TEST = Surv.from_arrays(FOLD.event, FOLD.days)
ONE = np.ones((1, len(FOLD.rows)))


def test_censoring_is_that_of_scikit_survival_and_torchsurv() -> None:
    days, event = WHOLE.days[TRAIN], WHOLE.event[TRAIN]
    theirs = CensoringDistributionEstimator().fit(SURVIVAL_TRAIN).predict_proba(FOLD.days)
    assert FOLD.inverse * theirs == pytest.approx((theirs > 0).astype(float), abs=1e-9)
    assert (theirs < 1).any()
    torchs = get_ipcw(torch.tensor(event), torch.tensor(days), torch.tensor(FOLD.days))
    assert FOLD.inverse == pytest.approx(torchs.numpy(), rel=1e-6)


def test_the_baseline_is_the_training_patients_curve() -> None:
    times, curve = kaplan_meier_estimator(WHOLE.event[TRAIN], WHOLE.days[TRAIN])
    at = np.searchsorted(times, YEARS_DAYS, side="right") - 1
    assert FOLD.baseline[0] == pytest.approx(curve[at], abs=1e-9)
    assert kaplan_meier(WHOLE.days[TRAIN], WHOLE.event[TRAIN], YEARS_DAYS) == pytest.approx(curve[at], abs=1e-9)


def test_nobody_left_uncensored_has_no_weight() -> None:
    days = np.array([10.0, 20.0, 30.0])
    assert inverse_censoring(days, np.array([True, True, False]), np.array([5.0, 30.0, 40.0])).tolist() == [1, 0, 0]


def test_the_brier_score_is_that_of_scikit_survival_and_torchsurv() -> None:
    ours = [float(losses(FOLD, FOLD.survival_at(year), year).mean()) for year in YEARS]
    assert ours == pytest.approx(brier_score(SURVIVAL_TRAIN, SURVIVAL_TEST, FOLD.survival, YEARS_DAYS)[1], abs=1e-9)
    theirs = BrierScore()(
        torch.tensor(FOLD.survival),
        torch.tensor(FOLD.event),
        torch.tensor(FOLD.days),
        new_time=torch.tensor(YEARS_DAYS),
        weight=torch.tensor(FOLD.inverse),
        weight_new_time=torch.tensor(FOLD.inverse_years[0]),
    )
    assert ours == pytest.approx(theirs.tolist(), abs=1e-6)


def test_the_integral_is_that_of_scikit_survival_and_the_first_year_from_0() -> None:
    theirs = integrated_brier_score(SURVIVAL_TRAIN, SURVIVAL_TEST, FOLD.survival, YEARS_DAYS)
    first = brier_score(SURVIVAL_TRAIN, SURVIVAL_TEST, FOLD.survival, YEARS_DAYS)[1][0]
    assert float(integrated_brier(FOLD, ONE)[0]) == pytest.approx((4 * theirs + first / 2) / 5, abs=1e-9)


def test_the_training_curve_has_no_skill_and_hindsight_nearly_all() -> None:
    assert skill(replace(FOLD, survival=FOLD.baseline), ONE).tolist() == pytest.approx([0.0])
    alive = (FOLD.days[:, None] > YEARS_DAYS).astype(np.float64)
    assert skill(replace(FOLD, survival=alive), ONE).tolist() == pytest.approx([1.0])


def test_folds_are_pooled_by_patients() -> None:
    sizes = np.array([len(only_fold(WHOLE, fold).rows) for fold in range(3)])
    parts = [float(integrated_brier(only_fold(WHOLE, fold), np.ones((1, n)))[0]) for fold, n in enumerate(sizes)]
    whole = float(integrated_brier(WHOLE, np.ones((1, len(WHOLE.rows))))[0])
    assert whole == pytest.approx(float(np.average(parts, weights=sizes)))
