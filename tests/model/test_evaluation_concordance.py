"""C and AUC on one fold equal scikit-survival's, torchsurv's and lifelines'; a draw equals repeated rows."""

import numpy as np
import pytest
import torch
from evaluation_cohort import made_study, only_fold
from lifelines.utils import concordance_index
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
from sksurv.util import Surv
from torchsurv.metrics.auc import Auc
from torchsurv.metrics.cindex import ConcordanceIndex

from model.evaluation.concordance import area_under_curve, harrell, uno
from model.evaluation.predictions import YEARS
from model.evaluation.tested import YEARS_DAYS, gather_tested

STUDY = made_study(seed=1)
WHOLE = gather_tested(STUDY, 0, 0)
FOLD = only_fold(WHOLE, 0)
TRAIN = np.ones(len(WHOLE.rows), np.bool_)
TRAIN[WHOLE.folds[0]] = False
ONE = np.ones((1, len(FOLD.rows)))
TAU = 5 * 365.25


def sksurv_uno(rows: np.ndarray) -> float:
    train = Surv.from_arrays(WHOLE.event[TRAIN], WHOLE.days[TRAIN])
    test = Surv.from_arrays(FOLD.event[rows], FOLD.days[rows])
    return float(concordance_index_ipcw(train, test, FOLD.risk[rows], tau=TAU)[0])


def test_the_cohort_has_tied_days_and_tied_risks() -> None:
    assert len(np.unique(FOLD.days)) < len(FOLD.days)
    assert len(np.unique(FOLD.risk)) < len(FOLD.risk)


def test_uno_is_that_of_scikit_survival_and_torchsurv() -> None:
    ours = float(uno(FOLD, ONE)[0])
    theirs = ConcordanceIndex()(
        torch.tensor(FOLD.risk),
        torch.tensor(FOLD.event),
        torch.tensor(FOLD.days),
        weight=torch.tensor(FOLD.inverse),
        tmax=torch.tensor(TAU),
    )
    assert ours == pytest.approx(sksurv_uno(np.arange(len(FOLD.rows))), abs=1e-9)
    assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_harrell_is_that_of_scikit_survival_and_lifelines() -> None:
    ours = float(harrell(FOLD, ONE)[0])
    assert ours == pytest.approx(concordance_index_censored(FOLD.event, FOLD.days, FOLD.risk)[0], abs=1e-9)
    assert ours == pytest.approx(concordance_index(FOLD.days, -FOLD.risk, FOLD.event), abs=1e-9)


def test_auc_is_that_of_scikit_survival_and_torchsurv() -> None:
    ours = [float(area_under_curve(FOLD, ONE, year)[0]) for year in YEARS]
    risk = 1 - FOLD.survival
    train = Surv.from_arrays(WHOLE.event[TRAIN], WHOLE.days[TRAIN])
    test = Surv.from_arrays(FOLD.event, FOLD.days)
    assert ours == pytest.approx(cumulative_dynamic_auc(train, test, risk, YEARS_DAYS)[0], abs=1e-9)
    theirs = Auc()(
        torch.tensor(risk),
        torch.tensor(FOLD.event),
        torch.tensor(FOLD.days),
        weight=torch.tensor(FOLD.inverse),
        new_time=torch.tensor(YEARS_DAYS),
        weight_new_time=torch.tensor(FOLD.inverse_years[0]),
    )
    assert ours == pytest.approx(theirs.tolist(), abs=1e-6)


def test_a_weight_of_k_is_k_patients() -> None:
    counts = np.random.default_rng(0).integers(0, 3, len(FOLD.rows))
    counts[FOLD.days > 8 * 365.25] = 1
    rows = np.repeat(np.arange(len(counts)), counts)
    weights = counts[None].astype(np.float64)
    assert float(uno(FOLD, weights)[0]) == pytest.approx(sksurv_uno(rows), abs=1e-9)
    harrells = concordance_index_censored(FOLD.event[rows], FOLD.days[rows], FOLD.risk[rows])[0]
    assert float(harrell(FOLD, weights)[0]) == pytest.approx(harrells, abs=1e-9)


def test_folds_are_summed_before_they_are_divided_and_never_paired_across() -> None:
    by_fold = []
    for fold in range(3):
        part = only_fold(WHOLE, fold)
        _, right, wrong, tied, _ = concordance_index_censored(part.event, part.days, part.risk)
        by_fold.append((right + tied / 2, right + wrong + tied))
    above, below = np.sum(by_fold, axis=0)
    assert len({pairs for _, pairs in by_fold}) > 1
    assert float(harrell(WHOLE, np.ones((1, len(WHOLE.rows))))[0]) == pytest.approx(above / below, abs=1e-9)


def test_no_pair_is_no_number() -> None:
    assert np.isnan(uno(FOLD, np.zeros_like(ONE))).all()
    assert np.isnan(area_under_curve(FOLD, ONE * ~FOLD.event, 1)).all()
