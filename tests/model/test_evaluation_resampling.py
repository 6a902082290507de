"""Draws, their means and intervals, against numpy's own on what is known."""

import numpy as np
import pytest

from model.evaluation.resampling import draw_patients, interval, mean_known, ratio, two_sided


def test_what_has_nothing_to_be_divided_by_has_no_value() -> None:
    found = ratio(np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0]))
    assert found.tolist() == pytest.approx([np.nan, np.nan, 1.5], nan_ok=True)


def test_a_mean_is_over_what_is_known() -> None:
    one, other = np.array([1.0, np.nan, np.nan, np.inf]), np.array([4.0, 2.0, np.nan, 3.0])
    assert mean_known([one, other]).tolist() == pytest.approx([2.5, 2.0, np.nan, 3.0], nan_ok=True)


@pytest.mark.parametrize(("level", "low", "high"), [(0.95, 2.5, 97.5), (0.5, 25.0, 75.0)])
def test_an_interval_leaves_as_much_out_on_either_side(level: float, low: float, high: float) -> None:
    drawn = np.random.default_rng(0).permutation(np.append(np.arange(101.0), np.nan))
    assert interval(drawn, level) == pytest.approx((low, high))
    assert interval(drawn) == pytest.approx((2.5, 97.5))
    assert np.isnan(interval(np.full(3, np.nan))).all()


def test_no_difference_in_any_draw_is_surely_none() -> None:
    assert two_sided(np.zeros(99)) == 1.0
    assert two_sided(np.append(np.zeros(50), np.ones(949))) == pytest.approx(2 * 51 / 1000)
    assert two_sided(np.append(np.zeros(50), -np.ones(949))) == pytest.approx(2 * 51 / 1000)


def test_a_draw_is_as_many_patients_and_the_first_is_everyone_once() -> None:
    drawn = draw_patients(40, 500, np.random.default_rng(0))
    assert drawn.shape == (501, 40)
    assert (drawn[0] == 1).all()
    assert (drawn.sum(1) == 40).all()
    assert drawn[1:].var() == pytest.approx(39 / 40, rel=0.05)
