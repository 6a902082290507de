"""When a resource was: every form that FHIR has, and what is no time."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fhir_messages import ARRIVED, CONDITION, NINE, OBSERVATION, PATIENT, coded, read_one, refusal, without

from schemas.errors import Reason
from schemas.evidence import EvidenceStatus
from schemas.tokens import ObservationToken


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"effectiveDateTime": "2026"}, datetime(2026, 1, 1, tzinfo=UTC), id="year"),
        pytest.param({"effectiveDateTime": "2026-03"}, datetime(2026, 3, 1, tzinfo=UTC), id="month"),
        pytest.param({"effectiveDateTime": "2026-03-04"}, datetime(2026, 3, 4, tzinfo=UTC), id="day"),
        pytest.param({"effectiveInstant": "2026-01-01T04:00:00.5-05:00"}, NINE.replace(microsecond=500000)),
        pytest.param({"effectivePeriod": {"start": "2025", "end": "2026-01-01T09:00:00Z"}}, NINE, id="end-of-period"),
        pytest.param({"effectivePeriod": {"start": "2026-01-01T09:00:00Z"}}, NINE, id="start-of-open-period"),
        pytest.param({"effectiveTiming": {"event": ["2026-01-01T09:00:00Z", "2025"]}}, NINE, id="last-event"),
        pytest.param({"issued": "2026-01-01T09:00:00Z"}, NINE, id="issued"),
    ],
)
def test_every_form_of_effective_is_one_instant(fields: dict[str, Any], expected: datetime) -> None:
    one = read_one(without(OBSERVATION, "effectiveDateTime") | {"valueString": "1"} | fields)
    assert one.occurred_at == expected
    assert {token.at for token in one.tokens} == {expected}


@pytest.mark.parametrize("never", ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_time_that_stands_for_none_is_none(never: str) -> None:
    """As the newest time of a patient it would make all that is known of her stale."""
    (unread,) = refusal(OBSERVATION | {"effectiveDateTime": never}).evidence
    assert (unread.status, unread.occurred_at) == (EvidenceStatus.UNREADABLE, ARRIVED)
    for other in ({"valueDateTime": never}, {"effectiveTiming": {"event": [never]}, "effectiveDateTime": None}):
        fields = {name: value for name, value in (OBSERVATION | other).items() if value is not None}
        assert refusal(fields).reason is Reason.NO_TIME


@pytest.mark.parametrize("never", ["9999", "9999-12-31", "9999-12-31T23:59:59+01:00"])
def test_a_period_until_the_year_9999_is_open(never: str) -> None:
    one = read_one(
        without(OBSERVATION, "effectiveDateTime")
        | {"effectivePeriod": {"start": "2026-01-01T09:00:00Z", "end": never}}
        | {"valuePeriod": {"start": "2025", "end": never}}
    )
    assert one.occurred_at == NINE
    assert [token.answer for token in one.tokens if isinstance(token, ObservationToken)] == [
        "2025-01-01T00:00:00+00:00/"
    ]
    unread = OBSERVATION | {"effectivePeriod": {"start": "2026-01-01T09:00:00Z", "end": never}, "zork": 1}
    assert refusal(without(unread, "effectiveDateTime")).evidence[0].occurred_at == NINE


@pytest.mark.parametrize("number", [2026, 20260101, 0, 1767258000, 1.5])
@pytest.mark.parametrize(
    ("content", "field"),
    [
        (OBSERVATION | {"valueString": "a"}, "effectiveDateTime"),
        (OBSERVATION | {"valueString": "a", "meta": {"lastUpdated": "2026-01-01T09:00:00Z"}}, "meta.lastUpdated"),
        (OBSERVATION | {"valueDateTime": "2025"}, "valueDateTime"),
        (OBSERVATION | {"valueTime": "10:00:00"}, "valueTime"),
        (OBSERVATION | {"valuePeriod": {"start": "2025"}}, "valuePeriod.start"),
        (
            without(OBSERVATION, "effectiveDateTime")
            | {"valueString": "a", "effectiveTiming": {"event": ["2026-01-01T09:00:00Z"]}},
            "effectiveTiming.event",
        ),
        (PATIENT, "birthDate"),
        (CONDITION | {"code": coded("1", "urn:x")}, "recordedDate"),
    ],
)
def test_a_number_is_no_time(content: dict[str, Any], field: str, number: float) -> None:
    """The library takes it for seconds since 1970."""
    assert read_one(content).status is EvidenceStatus.CURRENT
    first, _, rest = field.partition(".")
    value: Any = {rest: number} if rest else number
    if rest == "event":
        value = {rest: [number]}
    refused = refusal(content | {first: value})
    assert refused.reason is Reason.NOT_FHIR
    assert field in refused.detail
