"""Which of two versions wins, with and without numbers, and what a source is."""

from typing import Any

import pytest
from fhir_messages import ARRIVED, NINE, OBSERVATION, PROCEDURE, coded, quantity, read_one, refusal, without

from schemas.evidence import EvidenceStatus


def test_a_resource_sent_again_with_its_time_wins_over_what_was_refused_without_one() -> None:
    (unread,) = refusal(without(OBSERVATION, "effectiveDateTime")).evidence
    assert unread.occurred_at == ARRIVED
    assert read_one(OBSERVATION | {"valueString": "1"}).rank > unread.rank


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
@pytest.mark.parametrize("fields", [{}, {"effectiveDateTime": None}, {"valueQuantity": quantity(1, "zork")}])
def test_a_withdrawal_needs_neither_time_nor_value(status: str, fields: dict[str, Any]) -> None:
    content = OBSERVATION | {"status": status} | fields
    one = read_one({key: value for key, value in content.items() if value is not None})
    assert (one.status, one.tokens) == (EvidenceStatus.WITHDRAWN, ())


@pytest.mark.parametrize("status", ["corrected", "entered-in-error"])
@pytest.mark.parametrize(
    "time",
    [
        {"effectiveDateTime": "2026-01-01T09:00:00Z"},
        {"effectivePeriod": {"start": "2025-12-31", "end": "2026-01-01T09:00:00Z"}},
        {"effectivePeriod": {"start": "2026-01-01T09:00:00Z"}},
    ],
)
def test_a_correction_that_cannot_be_read_is_newer_than_what_it_corrects(status: str, time: dict[str, Any]) -> None:
    sent = without(OBSERVATION, "effectiveDateTime") | time
    (unread,) = refusal(sent | {"status": status, "zork": 1}).evidence
    assert (unread.status, unread.occurred_at) == (EvidenceStatus.UNREADABLE, NINE)
    assert read_one(sent | {"valueString": "1"}).rank < unread.rank
    assert read_one(sent | {"status": status, "valueString": "2"}).rank > unread.rank


@pytest.mark.parametrize("meta", [{}, {"meta": {"versionId": "x"}}])
def test_without_versions_a_correction_wins_over_final_and_final_over_preliminary(meta: dict[str, Any]) -> None:
    statuses = ["preliminary", "final", "corrected", "entered-in-error"]
    for value in range(20):  # the content hash must not decide
        ranks = [read_one(OBSERVATION | meta | {"status": s, "valueString": f"{value}{s}"}).rank for s in statuses]
        assert ranks == sorted(ranks)


def test_with_versions_the_greater_one_wins_whatever_its_status() -> None:
    early = OBSERVATION | {"meta": {"versionId": "9"}, "status": "corrected"}
    late = OBSERVATION | {"meta": {"versionId": "10"}}
    assert read_one(late).rank > read_one(early).rank


def test_a_source_without_an_id_is_its_identifier_else_its_content() -> None:
    nameless = without(OBSERVATION, "id")
    identified = nameless | {"identifier": [{"system": "urn:lab", "value": "5"}]}
    assert read_one(identified).source == "Observation/urn:lab|5"
    shuffled = dict(reversed(nameless.items()))
    assert read_one(nameless).source == read_one(shuffled).source
    assert read_one(nameless).source != read_one(nameless | {"valueString": "2"}).source


@pytest.mark.parametrize("end", ["completed", "stopped"])
def test_without_versions_what_is_over_wins_over_what_was_going_on(end: str) -> None:
    for code in map(str, range(20)):  # the content hash must not decide
        act = PROCEDURE | {"code": coded(code, "urn:x")}
        ranks = [read_one(act | {"status": status}).rank for status in ("in-progress", end, "entered-in-error")]
        assert ranks == sorted(ranks)
