from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.versions import version_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(microseconds=1)
MOMENTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param((None, None, NOON.replace(year=999)), (None, None, NOON), id="a-year-of-three-digits-is-long-ago"),
        pytest.param(("9", None, LATER), ("10", None, NOON), id="version-ids-are-numbers-not-text"),
        pytest.param(("09", LATER, NOON), ("10", NOON, NOON), id="a-version-id-beats-last-updated"),
        pytest.param((None, NOON, LATER), (None, LATER, NOON), id="last-updated-beats-the-event-time"),
        pytest.param((None, None, NOON), (None, None, LATER), id="event-time-counts-to-the-microsecond"),
        pytest.param(("W/a3f", NOON, LATER), ("W/001", LATER, NOON), id="an-opaque-version-id-says-nothing"),
        pytest.param(("٣", NOON, LATER), ("١", LATER, NOON), id="digits-of-other-scripts-are-opaque"),
        pytest.param(("9" * 21, NOON, NOON), ("8" * 21, LATER, NOON), id="a-number-too-long-to-pad-is-opaque"),
        pytest.param((None, None, LATER), (None, NOON, NOON), id="a-source-that-gains-last-updated-is-newer"),
        pytest.param((None, LATER, LATER), ("1", NOON, NOON), id="a-source-that-gains-a-version-id-is-newer"),
    ],
)
def test_the_newer_version_has_the_greater_text(
    older: tuple[str | None, datetime | None, datetime], newer: tuple[str | None, datetime | None, datetime]
) -> None:
    assert version_of(*older) < version_of(*newer)


@given(st.integers(0, 10**20 - 1), st.integers(0, 10**20 - 1))
def test_version_ids_order_as_numbers(one: int, other: int) -> None:
    assert (version_of(str(one), None, NOON) < version_of(str(other), None, NOON)) == (one < other)


@given(MOMENTS, MOMENTS)
def test_times_order_as_times(one: datetime, other: datetime) -> None:
    assert (version_of(None, one, NOON) < version_of(None, other, NOON)) == (one < other)


def test_one_moment_is_one_version_in_every_zone() -> None:
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    assert version_of(None, in_tokyo, NOON) == version_of(None, NOON, NOON)
