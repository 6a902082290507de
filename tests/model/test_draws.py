import numpy as np
import pytest
from scipy import stats

from model.draws import Draws, normal_draws


def test_draws_depend_on_the_id_and_the_modality_alone() -> None:
    one, other = Draws(8, 16), Draws(8, 16)
    other.of("b", 0)
    other.of("a", 2)
    assert np.array_equal(one.of("a", 1), other.of("a", 1))


@pytest.mark.parametrize(("identity", "modality"), [("b", 1), ("a", 0), ("a", 2)])
def test_another_id_or_modality_draws_otherwise(identity: str, modality: int) -> None:
    draws = Draws(8, 16)
    assert not np.isclose(draws.of("a", 1), draws.of(identity, modality)).any()


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_the_second_half_mirrors_the_first(count: int) -> None:
    found = Draws(count, 16).of("a", 0)
    half = count - count // 2
    assert found.shape == (count, 16)
    assert np.array_equal(found[half:], -found[: count // 2])


def test_all_modalities_at_once_are_each_alone() -> None:
    found = normal_draws("a", 8, 3, 16)
    assert all(np.array_equal(found[:, place], Draws(8, 16).of("a", place)) for place in range(3))


def test_draws_are_standard_normal_over_ids() -> None:
    draws = Draws(2, 4)
    values = np.concatenate([draws.of(str(number), 0)[0] for number in range(2000)])
    assert stats.kstest(values, "norm").pvalue > 0.01
