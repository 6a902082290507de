from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from step_bench import BYTES, HEADERS, PLACE, Bench, say

from schemas.dead_letter import DeadLetter, original_headers
from schemas.errors import Reason, Refused, Unavailable
from schemas.message import Message
from streams.publisher import Outgoing
from streams.step import Outcome, Said, SetAside, TooManyBugs, refusal_of

BUG = SetAside(Refused(Reason.INTERNAL_ERROR, "a bug"))


def test_a_refused_record_becomes_a_dead_letter_with_its_own_bytes() -> None:
    bench = Bench()
    refused = Refused(Reason.NOT_JSON, "not JSON; send JSON")
    assert bench.run(lambda _: [SetAside(refused, (Outgoing("out", b"k", b"unreadable", 3),))])
    beside, letter = bench.kafka.records
    assert beside.value == b"unreadable"
    assert (letter.topic, letter.key, letter.value) == ("letters", b"k", BYTES)
    assert original_headers(letter.headers) == list(HEADERS)
    said = DeadLetter.from_headers(letter.headers)
    assert (said.reason, said.detail, said.step, said.version) == (Reason.NOT_JSON, refused.detail, bench.role, "1.2.3")
    assert said.id == f"{PLACE}/2/40"
    assert bench.counted("dead_letters_total", step=bench.role, reason="not-json") == 1
    assert bench.counted("events_total", role=bench.role, outcome="set_aside") == 1


def test_a_worker_that_slept_past_its_session_publishes_nothing_and_gives_the_batch_up() -> None:
    bench = Bench()

    def work(messages: Sequence[Message]) -> Sequence[Outcome]:
        bench.clock.now += 7
        return [say() for _ in messages]

    assert not bench.run(work)
    assert bench.kafka.records == []
    assert bench.step.begun_at is None
    assert bench.counted("events_total", role=bench.role, outcome="evidence") == 0


def test_a_batch_that_came_before_a_worker_slept_is_given_up_as_well() -> None:
    """It waited for its turn meanwhile: what it leads to may be older than what others have said since."""
    bench = Bench()
    assert bench.run(lambda _: [say()])
    bench.clock.now += 7
    assert not bench.run(lambda _: [say(b"old")])
    assert bench.run(lambda _: [say(b"read again")])
    assert [record.value for record in bench.kafka.records] == [b"v", b"read again"]


def test_a_worker_that_slept_while_a_dependency_was_away_gives_the_batch_up() -> None:
    bench = Bench()

    def work(_: Sequence[Message]) -> Sequence[Outcome]:
        bench.clock.now += 7
        raise Unavailable("away")

    assert not bench.run(work)


def test_five_bugs_in_a_row_stop_the_worker_after_setting_them_aside() -> None:
    bench = Bench()
    assert bench.run(lambda messages: [BUG] * len(messages), rows=4)
    with pytest.raises(TooManyBugs, match="5 internal errors"):
        bench.run(lambda messages: [BUG] * len(messages))
    assert len(bench.kafka.records) == 5
    assert bench.batch.acked  # else a restart would set the same records aside again, and end again


@pytest.mark.parametrize("between", [say(), SetAside(Refused(Reason.NOT_JSON, "not JSON; send JSON"))])
def test_a_record_that_is_no_bug_begins_the_count_again(between: Outcome) -> None:
    bench = Bench()
    outcomes = [*[BUG] * 4, between, *[BUG] * 4]
    assert bench.run(lambda _: outcomes, rows=9)
    assert bench.run(lambda _: [say()])


def test_one_outcome_a_record_or_nothing_is_published() -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="shorter"):
        bench.run(lambda _: [say()], rows=2)
    assert bench.kafka.records == []


def test_work_sees_every_record_as_it_came() -> None:
    bench, seen = Bench(), []

    def work(messages: Sequence[Message]) -> Sequence[Outcome]:
        seen.extend(messages)
        return [Said((), "unchanged") for _ in messages]

    bench.run(work, rows=2)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert seen == [Message(PLACE, 2, at, b"k", BYTES, HEADERS, timestamp=noon) for at in (40, 41)]
    assert bench.counted("batch_rows_sum", role=bench.role) == 2


def test_a_bug_is_told_by_its_type_and_place_never_by_its_words() -> None:
    with pytest.raises(ValueError, match="Jane") as caught:
        float("Jane Doe")
    refused = refusal_of(caught.value)
    assert refused.reason is Reason.INTERNAL_ERROR
    assert refused.detail.startswith("ValueError in test_a_bug_is_told")
    assert "Jane" not in str(refused)
    already = Refused(Reason.NOT_JSON, "x")
    assert refusal_of(already) is already
