"""While something is away: only what was unavailable is read again, and only what Kafka lacks is published again."""

from collections.abc import Callable, Sequence

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, ProducerClosed
from redis.exceptions import ConnectionError as RedisAway
from step_bench import Bench, say

from schemas.errors import Reason, Refused, Unavailable
from schemas.message import Message
from streams.step import Outcome, SetAside


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


def read_into(*keys: bytes) -> Callable[[Sequence[Message]], Sequence[Outcome]]:
    """Work that reads the first message into a record of the first key, and so on; their values count."""
    return lambda messages: [say(bytes([at]), key) for at, (key, _) in enumerate(zip(keys, messages, strict=True))]


@pytest.mark.parametrize(
    ("keys", "published"),
    [
        pytest.param((b"k", b"m", b"n"), [1, 2, 0], id="only-what-kafka-lacks"),
        pytest.param((b"k", b"m", b"k"), [1, 2, 0, 2], id="a-later-record-of-its-key-stays-the-last"),
    ],
)
def test_what_kafka_did_not_take_is_published_again(keys: tuple[bytes, ...], published: list[int]) -> None:
    bench = Bench(KafkaConnectionError())
    assert bench.run(read_into(*keys), rows=len(keys))
    assert [record.value for record in bench.kafka.records] == [bytes([value]) for value in published]
    assert bench.counted("events_total", role=bench.role, outcome="evidence") == len(keys)
    assert bench.counted("retries_total", role=bench.role) == 1


def test_a_publication_tried_again_costs_no_reading() -> None:
    bench, read = Bench(KafkaConnectionError(), KafkaConnectionError(), TimeoutError()), []

    def work(messages: Sequence[Message]) -> Sequence[Outcome]:
        read.extend(message.offset for message in messages)
        return [SetAside(Refused(Reason.NOT_JSON, "not JSON; send JSON")), say()]

    assert bench.run(work, rows=2)
    assert read == [40, 41]
    assert sorted(record.topic for record in bench.kafka.records) == ["letters", "out"]
    assert bench.counted("retries_total", role=bench.role) == 2


def test_a_record_that_is_not_handed_over_holds_those_behind_it() -> None:
    bench = Bench(ProducerClosed(), KafkaConnectionError())
    assert bench.run(read_into(b"k", b"m", b"n"), rows=3)
    assert [record.value for record in bench.kafka.records] == [b"\x01", b"\x02", b"\x00"]
    assert bench.counted("retries_total", role=bench.role) == 2


def test_a_record_too_large_for_kafka_ends_the_worker() -> None:
    bench = Bench(MessageSizeTooLargeError())
    with pytest.raises(MessageSizeTooLargeError):
        bench.run(lambda _: [say()])


def test_only_the_records_that_were_unavailable_are_read_again() -> None:
    bench, read, away = Bench(), [], {41: 2, 42: 1}

    def one(message: Message) -> Outcome | Unavailable:
        read.append(message.offset)
        away[message.offset] = away.get(message.offset, 0) - 1
        return say(str(message.offset).encode()) if away[message.offset] < 0 else Unavailable("s3 is away")

    assert bench.run(lambda messages: [one(message) for message in messages], rows=4)
    assert read == [40, 41, 42, 43, 41, 42, 41]
    assert [record.value for record in bench.kafka.records] == [b"40", b"41", b"42", b"43"]
    assert bench.counted("retries_total", role=bench.role) == 2
    assert bench.counted("events_total", role=bench.role, outcome="evidence") == 4


@pytest.mark.parametrize("failures", [(), (KafkaConnectionError(),)], ids=["while-reading", "while-kafka-was-away"])
def test_of_a_batch_that_a_rebalance_took_nothing_more_is_published(failures: tuple[Exception, ...]) -> None:
    bench = Bench(*failures)

    def lose() -> None:
        bench.batch.gone = True

    def work(_: Sequence[Message]) -> Sequence[Outcome]:
        if not failures:
            lose()
        return [say()]

    bench.kafka.when_failing = lose
    assert not bench.run(work)
    assert bench.kafka.records == []
    assert bench.counted("events_total", role=bench.role, outcome="evidence") == 0


def test_a_worker_that_slept_while_kafka_was_away_publishes_no_more_of_what_it_read() -> None:
    bench = Bench(KafkaConnectionError())
    bench.kafka.when_failing = lambda: setattr(bench.clock, "now", 7.0)
    assert not bench.run(lambda _: [say()])
    assert bench.kafka.records == []
