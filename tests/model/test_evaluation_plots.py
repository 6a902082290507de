"""Plots: the same figures give the same picture, and a cohort with gaps gives one too."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cohort import LABELS, made_files, made_study

from model.evaluation.measure import measure
from model.evaluation.plots import write_plots
from model.evaluation.report import markdown
from model.evaluation.study import prepare_study
from model.evaluation.survival_plot import thirds

pytestmark = pytest.mark.slow
GOOD, POOR = made_study(seed=8, noise=0.3), made_study(seed=8, noise=3.0)


def test_thirds_follow_the_rank_within_a_fold() -> None:
    study = replace(GOOD, risk=GOOD.risk + 100.0 * GOOD.fold[:, :, None])
    assert np.array_equal(thirds(study, 0), thirds(GOOD, 0))
    assert np.bincount(thirds(GOOD, 0)).tolist() == [80, 80, 80]


def test_plots_are_pngs_and_the_same_twice(tmp_path: Path) -> None:
    measures = [measure(GOOD, 20, 0), measure(POOR, 20, 0)]
    first, again = (write_plots(measures, tmp_path / name) for name in ("first", "again"))
    assert [path.name for path in first] == ["survival.png", "calibration.png", "risk-coverage.png", "differences.png"]
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes().startswith(b"\x89PNG")
        assert one.read_bytes() == other.read_bytes()


def test_a_blind_horizon_and_no_event_are_drawn_as_what_they_are(tmp_path: Path) -> None:
    blind = GOOD.survival.copy()
    blind[..., 3:] = np.nan
    for number, study in enumerate((replace(GOOD, survival=blind), replace(GOOD, event=np.zeros_like(GOOD.event)))):
        assert len(write_plots([measure(study, 20, 0)], tmp_path / str(number))) == 3


def test_a_cohort_without_endpoints_is_measured_by_its_diagnosis(tmp_path: Path) -> None:
    said, _, folds, outcomes = made_files(seed=8)
    said = [replace(one, endpoint="", risk=0.0, survival=(np.nan,) * 5) for one in said]  # as `predictions_of` says it
    found = measure(prepare_study("named", said, LABELS, (), folds, outcomes), 20, 0)
    as_beside_survival = measure(made_study(seed=8), 20, 0)
    assert {endpoint for _, endpoint in found.figures} == {"diagnosis"}
    assert all(np.array_equal(figure, as_beside_survival.figures[key]) for key, figure in found.figures.items())
    assert "2 repeats of 3 folds. No endpoint." in markdown([found])
    drawn = [path.name for path in write_plots([found, found], tmp_path)]
    assert drawn == ["risk-coverage.png", "differences.png"]
