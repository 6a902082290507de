"""The calibration error of true predictions: never 0, larger with more bins and fewer patients, and a fair judge."""

from dataclasses import replace

import numpy as np
import pytest
from evaluation_cohort import made_study

from model.evaluation.calibration_floor import Floor, Leaving, calibration_floors
from model.evaluation.metrics import CALIBRATION_YEARS
from model.evaluation.study import Study


def floors(study: Study, worlds: int = 40) -> dict[tuple[int, int], Floor]:
    return {(one.year, one.bins): one for one in calibration_floors(study, worlds)}


def test_it_grows_with_the_bins_and_falls_with_the_root_of_the_patients() -> None:
    few, many = (floors(made_study(seed=1, patients=count, noise=0.0, repeats=1)) for count in (200, 800))
    for year in CALIBRATION_YEARS:
        assert 0 < few[year, 5].mean < few[year, 10].mean < few[year, 10].high
        assert few[year, 10].mean / many[year, 10].mean == pytest.approx(2, abs=0.5)


def test_predictions_that_are_true_are_not_blamed_and_those_that_are_not_are() -> None:
    true = [made_study(seed=seed, noise=0.0, repeats=1) for seed in range(10)]
    above = [floors(study, 20)[5, 5].above for study in true]
    assert np.mean(above) == pytest.approx(0.5, abs=0.2), "of true ones half are above their like"
    sure = [floors(replace(study, survival=study.survival**2), 20)[5, 5].above for study in true]
    assert max(sure) == 0.0


def test_it_is_the_error_of_the_report_beside_which_it_stands() -> None:
    found = floors(made_study(seed=2), worlds=2)
    again = floors(made_study(seed=2), worlds=2)
    assert found == again
    assert set(found) == {(year, bins) for year in CALIBRATION_YEARS for bins in (5, 10)}
    assert {one.endpoint for one in found.values()} == {"OS"}


def test_an_endpoint_of_which_a_year_is_not_predicted_has_none() -> None:
    study = made_study(seed=2)
    assert calibration_floors(replace(study, survival=np.full_like(study.survival, np.nan)), 2) == ()


def test_who_was_censored_leaves_then_and_who_had_the_event_would_have_left_later() -> None:
    days, event = np.array([10.0, 20.0, 30.0, 40.0, np.nan]), np.array([False, True, False, True, False])
    drawn = np.stack([Leaving(days, event).draw(np.random.default_rng(seed)) for seed in range(20)])
    assert (drawn[:, [0, 2]] == [10.0, 30.0]).all()
    assert (drawn[:, 1] == 30.0).all(), "the only day after the event at which somebody left"
    assert (drawn[:, 3] > 1e8).all(), "nobody is known to have left after it"
