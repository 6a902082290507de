"""The bound of a batch follows how long its records take to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.pace import Pace


def after(each: float, batches: int, limit: int = 64, first: int = 1) -> Pace:
    """Full batches of records that take `each` seconds."""
    pace = Pace(first, limit)
    for _ in range(batches):
        pace.learn(pace.most, each * pace.most)
    return pace


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        pytest.param(0.0, 64, id="nothing"),
        pytest.param(0.001, 64, id="a-panel"),
        pytest.param(0.1, 2, id="a-series"),
        pytest.param(900.0, 1, id="a-slide"),
    ],
)
def test_a_batch_takes_about_a_quarter_of_a_second(each: float, expected: int) -> None:
    assert after(each, batches=10).most == expected


def test_it_begins_with_one_and_doubles() -> None:
    assert [after(0.001, batches).most for batches in range(8)] == [1, 2, 4, 8, 16, 32, 64, 64]


def test_one_slow_batch_is_enough_to_go_back() -> None:
    pace = after(0.001, batches=10)
    pace.learn(64, 640.0)
    assert pace.most == 1


@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1e6))))
def test_it_is_never_none_and_never_above_its_limit(first: int, limit: int, batches: list[tuple[int, float]]) -> None:
    pace = Pace(first, limit)
    for records, seconds in batches:
        pace.learn(records, seconds)
        assert 1 <= pace.most <= limit
