"""A step on a fake Kafka, with a clock that is turned by hand."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count

from aiokafka.errors import ProducerClosed
from aiokafka.structs import ConsumerRecord
from faust.exceptions import ProducerSendError
from faust.types import TP
from prometheus_client import REGISTRY

from schemas.envelope import Headers
from schemas.errors import Unavailable
from schemas.message import Message
from streams.batches import Batch
from streams.dead_letters import DeadLetters
from streams.publisher import Outgoing, Publisher
from streams.pulse import Pulse
from streams.step import Outcome, Said, Step

BYTES = b"\xff\x00 not JSON"
HEADERS = (("a", b"\xff"), ("a", b""))
PLACE = "input"
ROLES = map("step-{}".format, count())


class Kafka:
    """A producer that keeps what it was given; `failures` come first, one a call."""

    def __init__(self, *failures: Exception) -> None:
        self.records: list[Outgoing] = []
        self.when_failing: Callable[[], None] = lambda: None
        self.failures = list(failures)

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None,
        timestamp: float | None, headers: Headers | None,
    ) -> "asyncio.Future[object]":  # fmt: skip
        assert timestamp is None
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if self.failures:
            self.when_failing()
            failure = self.failures.pop(0)
            if isinstance(failure, ProducerClosed):
                raise ProducerSendError("as Faust words it") from failure
            future.set_exception(failure)
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
        self.batch: Batch
        self.role = next(ROLES)
        letters = DeadLetters("letters", "1.2.3")
        self.step = Step(self.role, Publisher(self.kafka), letters, Pulse(timedelta(seconds=6), self.clock))

    def run(self, work: Callable[[Sequence[Message]], Sequence[Outcome | Unavailable]], rows: int = 1) -> bool:
        async def awaited(messages: Sequence[Message]) -> Sequence[Outcome | Unavailable]:
            return work(messages)

        async def go() -> bool:
            self.batch = batch_of(rows)
            return await self.step.run(self.batch, awaited)

        return asyncio.run(go())

    def counted(self, name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"oncostream_{name}", labels) or 0.0


def say(value: bytes = b"v", key: bytes = b"k") -> Said:
    return Said((Outgoing("out", key, value, 3),))


def batch_of(rows: int, lose: Callable[[], None] = lambda: None) -> Batch:
    """Records as they come from Kafka."""
    records = [
        ConsumerRecord(PLACE, 2, 40 + row, 1_772_366_400_000, 0, b"k", BYTES, None, 1, len(BYTES), HEADERS)
        for row in range(rows)
    ]
    return Batch(PLACE, [(TP(PLACE, 2), records)], asyncio.Event(), lose)
