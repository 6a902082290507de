"""When a resource was: what goes on, what is planned, and what cannot have been when it was written."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from schemas.errors import Reason, Refused
from schemas.evidence import Evidence, EvidenceStatus, Modality
from schemas.message import Message
from schemas.picture import Window, merge_all, view

ARRIVED = datetime(2026, 6, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGAN = datetime(2026, 1, 1, 9, tzinfo=UTC)
SUBJECT = {"subject": {"reference": "Patient/p1"}}
TAKEN: dict[str, Any] = {
    **{"resourceType": "MedicationStatement", "id": "m", "status": "active", **SUBJECT},
    "medicationCodeableConcept": {"text": "tamoxifen"},
}
MEASURED: dict[str, Any] = {
    **{"resourceType": "Observation", "id": "o", "status": "final", **SUBJECT},
    **{"code": {"text": "x"}, "valueString": "1"},
}
SLIP = MEASURED | {"effectiveDateTime": "2062-01-01T09:00:00Z"}


def message(content: dict[str, Any], sent: str | None = None, arrived: datetime = ARRIVED) -> Message:
    headers = () if sent is None else (("ce_time", sent.encode()),)
    return Message("fhir.observations", 0, 7, None, json.dumps(content).encode(), headers, timestamp=arrived)


def read(content: dict[str, Any], sent: str | None = None, arrived: datetime = ARRIVED) -> Evidence:
    (one,) = read_observation(message(content, sent, arrived), ClinicalRules()).evidence
    return one


def refusal(content: dict[str, Any], sent: str | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        read(content, sent)
    return refused.value


def until(end: str) -> dict[str, Any]:
    return TAKEN | {"effectivePeriod": {"start": "2026-01-01T09:00:00Z", "end": end}}


@pytest.mark.parametrize(
    ("fields", "sent", "over"),
    [
        pytest.param({}, None, False, id="as-it-arrived"),
        pytest.param({"dateAsserted": "2027-12-31"}, "2028-01-01T00:00:00Z", True, id="as-it-was-asserted"),
        pytest.param({"dateAsserted": "2027-12-30"}, "2028-01-01T00:00:00Z", True, id="within-a-day"),
        pytest.param({"dateAsserted": "2026-02-01"}, "2028-01-01T00:00:00Z", False, id="asserted-long-before-sent"),
        pytest.param({"meta": {"lastUpdated": "2027-12-31T00:00:00Z"}}, "2028-01-01T00:00:00Z", True, id="updated"),
        pytest.param({}, "2028-01-01T00:00:00Z", True, id="as-it-was-sent"),
        pytest.param({}, "2026-02-01T00:00:00Z", False, id="going-on-as-it-was-sent"),
        pytest.param({}, "yesterday", False, id="sent-at-no-time"),
        pytest.param({}, "9999-12-31T23:59:59-01:00", False, id="sent-at-a-time-that-is-none"),
        pytest.param({"dateAsserted": "2062-01-01"}, None, False, id="asserted-after-it-was-sent"),
    ],
)
def test_a_period_is_its_end_once_it_is_over_and_its_start_before(fields: Any, sent: str | None, over: bool) -> None:
    end = datetime(2027, 12, 31, tzinfo=UTC)
    assert read(until("2027-12-31") | fields, sent).occurred_at == (end if over else BEGAN)


def test_a_timing_is_the_last_of_its_times_that_has_been() -> None:
    times = [f"{year}-01-01T09:00:00Z" for year in (2028, 2026, 2025, 2027)]
    timed = MEASURED | {"effectiveTiming": {"event": times}}
    assert read(timed).occurred_at == BEGAN
    bounded = {"repeat": {"boundsPeriod": {"start": times[1], "end": times[0]}}}
    assert read(MEASURED | {"effectiveTiming": bounded}).occurred_at == BEGAN


def test_where_nobody_says_when_it_was_written_a_period_is_its_end() -> None:
    assert read(until("2027-12-31"), arrived=EPOCH).occurred_at == datetime(2027, 12, 31, tzinfo=UTC)
    assert read(SLIP, arrived=EPOCH).occurred_at.year == 2062


def test_a_start_that_stands_for_none_is_not_read_once_a_period_is_over() -> None:
    ended = TAKEN | {"effectivePeriod": {"start": "0001-01-01", "end": "2026-01-01T09:00:00Z"}}
    assert read(ended).occurred_at == BEGAN


def test_a_period_without_a_start_that_goes_on_is_when_it_was_asserted() -> None:
    open_ = TAKEN | {"effectivePeriod": {"end": "2027-12-31"}}
    assert read(open_ | {"dateAsserted": "2026-01-01T09:00:00Z"}).occurred_at == BEGAN
    assert refusal(open_).reason is Reason.NO_TIME


def test_what_was_planned_for_long_and_ended_early_has_ended() -> None:
    planned, ended = until("2027-12-31"), until("2026-03-01") | {"status": "stopped"}
    assert read(ended).rank > read(planned).rank


def test_what_goes_on_leaves_other_evidence_as_fresh_as_it_is() -> None:
    window = Window(dict.fromkeys(Modality, timedelta(days=365)), dict.fromkeys(Modality, 9), {})
    measured = read(MEASURED | {"effectiveDateTime": "2026-05-01"})
    shown = view(merge_all({}, [measured, read(until("2030-12-31"))]), window)
    assert {piece.source for piece in shown.evidence} == {"Observation/o", "MedicationStatement/m"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SLIP, id="a-slip"),
        pytest.param(SLIP | {"issued": "2062-01-02T00:00:00Z"}, id="in-both-its-times"),
        pytest.param(MEASURED | {"effectiveDateTime": "2026-06-03"}, id="more-than-a-day"),
        pytest.param(MEASURED | {"issued": "2062-01-02T00:00:00Z"}, id="of-the-issue-alone"),
        pytest.param(TAKEN | {"effectivePeriod": {"start": "2027", "end": "2028"}}, id="a-plan"),
        pytest.param({"resourceType": "Patient", "id": "p1", "birthDate": "2062-01-01"}, id="a-birth"),
        pytest.param(SLIP | {"status": "zork"}, id="beside-another-fault"),
    ],
)
def test_a_time_that_cannot_have_been_is_refused_and_can_be_corrected(content: dict[str, Any]) -> None:
    """As the newest time of a patient it would make all that is known of her stale."""
    refused = refusal(content)
    (unread,) = refused.evidence
    assert refused.reason is (Reason.NOT_FHIR if content.get("status") == "zork" else Reason.NO_TIME)
    assert (unread.status, unread.occurred_at) == (EvidenceStatus.UNREADABLE, ARRIVED)
    corrected = {"Observation": MEASURED | {"effectiveDateTime": "2026-01-01"}, "MedicationStatement": until("2026-02")}
    of_its_kind = corrected.get(content["resourceType"], content | {"birthDate": "1962-01-01"})
    assert read(of_its_kind).rank > unread.rank


def test_a_day_is_what_clocks_and_zones_may_be_wrong_by() -> None:
    assert read(MEASURED | {"effectiveDateTime": "2026-06-01T23:59:00Z"}).occurred_at > ARRIVED


def test_what_has_a_time_that_cannot_have_been_can_be_taken_back() -> None:
    before = read(SLIP, arrived=EPOCH)
    assert read(SLIP | {"status": "entered-in-error"}).rank > before.rank
