"""p values of one family by Holm's step-down, and from draws of a difference."""

import numpy as np
import pytest

from model.evaluation.resampling import holm, two_sided


@pytest.mark.parametrize(
    ("alone", "together"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # Holm 1979, worked as in R's p.adjust
        ([0.5], [0.5]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([], []),
    ],
)
def test_p_values_hold_beside_the_others_of_their_family(alone: list[float], together: list[float]) -> None:
    assert holm(alone) == pytest.approx(together)


def test_a_difference_that_never_changes_sign_is_as_sure_as_its_draws_allow() -> None:
    assert two_sided(np.full(999, 0.2)) == pytest.approx(2 / 1000)
    assert two_sided(np.array([-1.0, 1.0, np.nan])) == 1.0
    assert two_sided(np.random.default_rng(0).normal(-2, 1, 9999)) == pytest.approx(0.0455, abs=0.01)


def test_draws_without_a_value_say_nothing() -> None:
    assert np.isnan(two_sided(np.full(5, np.nan)))
