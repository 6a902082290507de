import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import ConsumerRecord
from faust.types import TP
from prometheus_client import REGISTRY
from redis.exceptions import ConnectionError as RedisAway

from schemas.dead_letter import DeadLetter, original_headers
from schemas.envelope import Headers
from schemas.errors import Reason, Refused, Unavailable
from schemas.message import Message
from streams.batches import Batch
from streams.dead_letters import DeadLetters
from streams.publisher import Outgoing, Publisher
from streams.pulse import Pulse
from streams.step import Outcome, Said, SetAside, Step, TooManyBugs, refusal_of

BYTES = b"\xff\x00 not JSON"
HEADERS = (("a", b"\xff"), ("a", b""))
PLACE = "input"
ROLES = map("step-{}".format, count())


class Kafka:
    """A producer that keeps what it was given; `failures` are raised first, one a call."""

    def __init__(self, *failures: Exception) -> None:
        self.records: list[Outgoing] = []
        self.failures = list(failures)

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None,
        timestamp: float | None, headers: Headers | None,
    ) -> "asyncio.Future[object]":  # fmt: skip
        assert timestamp is None
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if self.failures:
            future.set_exception(self.failures.pop(0))
            return future
        self.records.append(Outgoing(topic, key, value, partition, headers or []))
        future.set_result(None)
        return future


class Clock:
    """A clock that is turned by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A step on a fake Kafka, with a clock of its own and a role of its own for the counters."""

    def __init__(self, *failures: Exception) -> None:
        self.kafka, self.clock = Kafka(*failures), Clock()
        self.role = next(ROLES)
        letters = DeadLetters("letters", "1.2.3")
        self.step = Step(self.role, Publisher(self.kafka), letters, Pulse(timedelta(seconds=6), self.clock))

    def run(self, work: Callable[[Sequence[Message]], Sequence[Outcome]], rows: int = 1) -> bool:
        async def awaited(messages: Sequence[Message]) -> Sequence[Outcome]:
            return work(messages)

        async def go() -> bool:
            records = [
                ConsumerRecord(PLACE, 2, 40 + row, 1_772_366_400_000, 0, b"k", BYTES, None, 1, len(BYTES), HEADERS)
                for row in range(rows)
            ]
            return await self.step.run(Batch(PLACE, [(TP(PLACE, 2), records)], asyncio.Event(), lambda: None), awaited)

        return asyncio.run(go())

    def counted(self, name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"oncostream_{name}", labels) or 0.0


def say(value: bytes = b"v") -> Said:
    return Said((Outgoing("out", b"k", value, 3),))


BUG = SetAside(Refused(Reason.INTERNAL_ERROR, "a bug"))


@pytest.mark.parametrize(
    "away", [Unavailable("s3 is away"), RedisAway(), KafkaConnectionError(), ConnectionResetError(), TimeoutError()]
)
def test_work_is_tried_again_until_what_it_needs_is_back(away: Exception) -> None:
    bench, failures = Bench(), [away]

    def work(messages: Sequence[Message]) -> Sequence[Outcome]:
        if failures:
            raise failures.pop()
        return [say() for _ in messages]

    assert bench.run(work)
    assert [record.value for record in bench.kafka.records] == [b"v"]
    assert bench.counted("retries_total", role=bench.role) == 1
    assert bench.counted("events_total", role=bench.role, outcome="evidence") == 1


def test_a_publication_that_kafka_did_not_take_is_made_again_whole() -> None:
    bench = Bench(KafkaConnectionError())
    assert bench.run(lambda messages: [say(bytes([at])) for at, _ in enumerate(messages)], rows=2)
    assert [record.value for record in bench.kafka.records] == [b"\x01", b"\x00", b"\x01"]
    assert bench.counted("events_total", role=bench.role, outcome="evidence") == 2


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
