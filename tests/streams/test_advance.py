from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import numpy as np
import pytest

from schemas.evidence import Evidence, EvidenceStatus, Modality, Origin, Vector, evidence
from schemas.message import Message
from schemas.picture import Absence, Window
from schemas.request import Cause, Request, Status
from schemas.tokens import ObservationToken
from streams.advance import Advanced, Arrival, advance
from streams.policy import Policy
from streams.state import PatientState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
CLINICAL, IMAGING = Modality.CLINICAL, Modality.IMAGING
POLICY = Policy(
    model="m1",
    window=Window(dict.fromkeys(Modality, 365 * DAY), dict.fromkeys(Modality, 8), {"imaging/cnn": "w1"}),
    min_modalities=1,
    required=frozenset(),
    deadline=DAY,
    settle=timedelta(0),
    min_interval=timedelta(0),
    cap=3,
)
NEW = PatientState("p-1")


def piece(source: str = "a", *, version: int = 1, days: int = 0, modality: Modality = CLINICAL, weights: str = "",
          status: EvidenceStatus = EvidenceStatus.CURRENT, offset: int = 0) -> Evidence:  # fmt: skip
    at = NOON + days * DAY
    return evidence(
        patient="p-1", modality=modality, source=source, version=f"v{version}", occurred_at=at, status=status,
        tokens=() if weights else [ObservationToken(code="c", value=float(version), at=at)],
        vectors=[Vector.pack("imaging/cnn", weights, np.zeros(1, np.float32))] if weights else (),
        origin=Origin(topic="t", partition=0, offset=offset),
    )  # fmt: skip


def arrival(one: Evidence, *, seconds: int = 0) -> Arrival:
    message = Message("oncology.evidence", 0, 0, None, None, timestamp=NOON + seconds * SECOND)
    return Arrival(message, (one.modality, one.source), one)


def erasure(one: Evidence) -> Arrival:
    return replace(arrival(one), piece=None)


def after(*pieces: Evidence, policy: Policy = POLICY) -> Advanced:
    """A new patient, these pieces in one step, and an hour to decide."""
    return advance(NEW, [arrival(one) for one in pieces], policy, NOON + timedelta(hours=1))


def request_of(step: Advanced) -> Request:
    assert step.request is not None
    return step.request


V1, V2, V3 = (piece(version=version) for version in (1, 2, 3))


@pytest.mark.parametrize(
    ("arrivals", "winners"),
    [
        pytest.param([V1, V2], (), id="in-order"),
        pytest.param([V2, V1], (V2,), id="the-older-after-the-newer"),
        pytest.param([V3, V1, V2], (V3,), id="two-late-ones-one-answer"),
        pytest.param([V2, V1, V3], (), id="an-even-newer-one-is-last-in-the-log-anyway"),
        pytest.param([V2, V2], (), id="a-duplicate"),
    ],
)
def test_a_late_older_version_has_the_winner_published_again(
    arrivals: list[Evidence], winners: tuple[Evidence, ...]
) -> None:
    assert after(*arrivals).winners == winners


def test_what_was_read_again_for_another_encoder_counts_and_the_first_reading_is_late() -> None:
    old, new = (piece(modality=IMAGING, weights=each) for each in ("w0", "w1"))
    again = new.model_copy(update={"reread": 1})
    assert request_of(after(old, again)).evidence == request_of(after(again, old)).evidence == (again,)
    assert after(again, old).winners == after(again, new).winners == (again,)


def test_the_same_read_again_asks_for_nothing() -> None:
    first = after(V1)
    again = V1.model_copy(update={"reread": 1})
    step = advance(first.after, [arrival(again)], POLICY, NOON + DAY)
    assert (step.request, step.due, step.winners) == (None, None, ())
    assert step.after.picture == {(CLINICAL, "a"): again}


def test_a_winner_from_an_earlier_step_is_published_again() -> None:
    late = advance(after(V2).after, [arrival(V1)], POLICY, NOON + DAY)
    assert late.winners == (V2,)
    assert (late.fresh, late.request) == ((False,), None)


def test_an_erased_source_is_not_published_again() -> None:
    step = advance(NEW, [arrival(V2), arrival(V1), erasure(V1)], POLICY, NOON)
    assert step.winners == ()
    assert step.after.picture == {}
    assert step.fresh == (True, False, True)


def test_an_erasure_takes_a_result_back() -> None:
    first = after(V1)
    erased = advance(first.after, [erasure(V1)], POLICY, NOON + DAY)
    withdrawn = request_of(erased)
    assert (withdrawn.history.status, withdrawn.history.cause) == (Status.WITHDRAWN, Cause.WITHDRAWAL)
    assert withdrawn.history.changed.removed == ("clinical|a",)
    assert (withdrawn.evidence, withdrawn.history.supersedes) == ((), request_of(first).id)
    assert withdrawn.asked_at is None  # nothing is left, so no time of its own: for ever the same


@pytest.mark.parametrize("status", [EvidenceStatus.WITHDRAWN, EvidenceStatus.UNREADABLE])
def test_what_does_not_count_gives_no_time_since_its_own_may_be_that_of_its_arrival(status: EvidenceStatus) -> None:
    left = piece("s", modality=IMAGING, days=1, status=status)
    assert request_of(advance(after(left).after, [], POLICY, NOON + 2 * DAY)).asked_at is None
    assert request_of(after(V1, left)).asked_at == NOON


def test_a_request_says_what_could_not_be_read_and_which_modality_is_missing_why() -> None:
    scan = piece("s", modality=IMAGING, status=EvidenceStatus.UNREADABLE)
    request = request_of(after(V1, scan))
    assert request.unreadable == ("imaging|s",)
    assert request.missing == {IMAGING: Absence.UNREADABLE, Modality.GENOMIC: Absence.NEVER_SEEN}


def test_erasing_what_is_not_known_changes_nothing() -> None:
    assert advance(NEW, [erasure(V1)], POLICY, NOON).after == NEW


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(V1, id="the-same-record-read-twice"),
        pytest.param(piece(offset=99), id="the-same-content-sent-twice"),
    ],
)
def test_a_duplicate_changes_nothing(again: Evidence) -> None:
    first = after(V1)
    repeated = advance(first.after, [arrival(again, seconds=60)], POLICY, NOON + DAY)
    assert repeated.after == first.after
    assert (repeated.fresh, repeated.winners, repeated.request, repeated.due) == ((False,), (), None, None)


def test_over_the_cap_the_oldest_go_and_every_later_request_says_so() -> None:
    step = after(*(piece(name, days=day) for day, name in enumerate("abcde")))
    assert step.dropped == 2
    assert sorted(source for _, source in step.after.picture) == ["c", "d", "e"]
    assert request_of(step).truncated
    again = advance(step.after, [arrival(piece("f", days=9))], POLICY, NOON + DAY)
    assert (again.dropped, request_of(again).truncated) == (1, True)


def test_revisions_count_on_and_name_what_they_supersede() -> None:
    first = after(V1)
    second = advance(first.after, [arrival(V2)], POLICY, NOON + DAY)
    third = advance(second.after, [arrival(piece("b"))], POLICY, NOON + DAY)
    told = [request_of(step).history for step in (first, second, third)]
    assert [history.revision for history in told] == [1, 2, 3]
    assert [history.status for history in told] == [Status.FINAL, Status.AMENDED, Status.AMENDED]
    assert [history.cause for history in told] == [Cause.QUORUM, Cause.CORRECTION, Cause.NEW_EVIDENCE]
    assert [history.supersedes for history in told] == [None, request_of(first).id, request_of(second).id]


def test_an_open_decision_says_when_to_come_back() -> None:
    two = replace(POLICY, min_modalities=2)
    assert advance(NEW, [arrival(V1, seconds=5)], two, NOON + 5 * SECOND).due == NOON + 5 * SECOND + DAY


def test_a_patient_waits_from_the_first_arrival_and_settles_from_the_last_whichever_is_read_first() -> None:
    slowly = replace(POLICY, settle=HOUR, min_modalities=2)
    first, last = arrival(V1, seconds=5), arrival(piece(modality=IMAGING, weights="w1"), seconds=60)
    for order in ([first, last], [last, first]):
        step = advance(NEW, order, slowly, NOON + 60 * SECOND)
        header = step.after.header
        assert (header.first_evidence, header.last_evidence) == (NOON + 5 * SECOND, NOON + 60 * SECOND)
        assert step.due == NOON + 60 * SECOND + HOUR


@pytest.mark.parametrize(
    ("needed", "told"),
    [
        pytest.param(1, [Status.FINAL, Status.WITHDRAWN, Status.AMENDED], id="after-a-final"),
        pytest.param(2, [Status.PRELIMINARY, Status.WITHDRAWN, Status.PRELIMINARY], id="after-none"),
    ],
)
def test_what_is_said_after_a_withdrawal_amends_where_a_final_was_said_before_it(
    needed: int, told: list[Status]
) -> None:
    policy = replace(POLICY, min_modalities=needed)
    steps = [advance(NEW, [arrival(V1)], policy, NOON + DAY)]
    for one in (erasure(V1), arrival(V2)):
        steps.append(advance(steps[-1].after, [one], policy, NOON + 2 * DAY))
    assert [request_of(step).history.status for step in steps] == told


@pytest.mark.parametrize(
    "written",
    [pytest.param(NOON + 3650 * DAY, id="ten-years-ahead"), pytest.param(datetime.max.replace(tzinfo=UTC), id="9999")],
)
def test_a_clock_that_is_ahead_keeps_nobody_waiting(written: datetime) -> None:
    """The latter's deadline is no date: it ended the worker, at every start again."""
    ahead = replace(arrival(V1), message=replace(arrival(V1).message, timestamp=written))
    assert advance(NEW, [ahead], replace(POLICY, min_modalities=2, settle=SECOND), NOON).due == NOON + DAY
    assert after(V1).due is None


@pytest.mark.parametrize(
    "asked_at",
    [pytest.param(NOON + 7 * DAY, id="a-week-ahead"), pytest.param(datetime.max.replace(tzinfo=UTC), id="9999")],
)
def test_after_a_clock_that_was_ahead_a_revision_waits_for_the_interval_and_no_longer(asked_at: datetime) -> None:
    slowly = replace(POLICY, min_interval=HOUR)
    said = advance(NEW, [arrival(V1)], slowly, asked_at).after
    righted = advance(said, [arrival(piece("b"))], slowly, NOON + DAY)
    assert righted.due == NOON + DAY + HOUR
    later = advance(righted.after, [arrival(piece("c"))], slowly, NOON + DAY + HOUR / 2)
    assert later.due == righted.due
    assert request_of(advance(later.after, [], slowly, NOON + DAY + HOUR)).history.revision == 2


def test_evidence_that_a_clock_ahead_has_dated_settles_from_now_on() -> None:
    slowly = replace(POLICY, settle=HOUR, min_modalities=2)
    early = advance(NEW, [arrival(V1, seconds=7 * 86400)], slowly, NOON + 7 * DAY).after
    righted = advance(early, [], slowly, NOON)
    assert righted.due == NOON + DAY
    settling = advance(righted.after, [arrival(piece(modality=IMAGING, weights="w1"))], slowly, NOON)
    assert settling.due == NOON + HOUR


ALL = (V1, V2, piece("b", days=1), piece("s", modality=IMAGING, weights="w1"),
       piece("t", modality=IMAGING, weights="other", days=2))  # fmt: skip


def test_every_order_and_grouping_ends_in_the_same_last_request() -> None:
    roomy = replace(POLICY, cap=99)
    at_once = request_of(after(*ALL, policy=roomy))
    for order in permutations(ALL):
        state, last = NEW, None
        for one in order:
            step = advance(state, [arrival(one)], roomy, NOON + DAY)
            state, last = step.after, step.request or last
        assert last is not None
        assert last.model_dump(exclude={"history"}) == at_once.model_dump(exclude={"history"})


def test_the_trace_and_time_of_receipt_of_the_last_news_go_on() -> None:
    message = Message("t", 0, 0, None, None, (("traceparent", b"00-aa-bb-01"),), timestamp=NOON)
    header = advance(NEW, [replace(arrival(V1), message=message), arrival(V1)], POLICY, NOON).after.header
    assert dict(header.trace) == {"traceparent": "00-aa-bb-01", "oncostream_received": NOON.isoformat()}
    bare = advance(NEW, [arrival(V1)], POLICY, NOON).after.header
    assert dict(bare.trace) == {"oncostream_received": NOON.isoformat()}
