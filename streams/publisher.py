"""Publish records and come back only when Kafka has every one of them."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from schemas.envelope import Headers


@dataclass(frozen=True)
class Outgoing:
    """A record on its way out, to an explicit partition."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None
    headers: Headers = field(default_factory=list)


class Producer(Protocol):
    """What a Faust producer offers."""

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Headers | None,
    ) -> "asyncio.Future[object]":
        """Hand a record over; the future is done when the broker has it."""


class Rest:
    """Records on their way to Kafka; what it does not have yet is kept for the next attempt."""

    def __init__(self, records: Sequence[Outgoing]) -> None:
        self.records = list(records)

    def keep(self, answers: Sequence[Any]) -> None:
        """Keep what Kafka did not take, and what must come after that: the later records of the same key."""
        late: set[tuple[str, bytes | None]] = set()
        rest = []
        for record, answer in zip(self.records, answers, strict=True):
            place = record.topic, record.key
            if isinstance(answer, BaseException) or place in late:
                late.add(place)
                rest.append(record)
        self.records = rest


class Publisher:
    """Writes batches of records, in order, through one producer."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def publish(self, records: Sequence[Outgoing]) -> list[Any]:
        """Send all, then wait until all are acknowledged by Kafka; raises KafkaError where one is not.

        Returns where each record is now, in order (aiokafka's RecordMetadata).
        """
        return _all_durable(await self._attempt(records))

    async def publish_rest(self, rest: Rest) -> None:
        """Publish what Kafka does not have yet; raises KafkaError while something is left."""
        answers = await self._attempt(rest.records)
        rest.keep(answers)
        _all_durable(answers)

    async def _attempt(self, records: Sequence[Outgoing]) -> list[Any]:
        """For each record where it is now, or why Kafka does not have it. Nothing is on its way any more."""
        sent: list[Awaitable[object]] = []
        stopped: list[KafkaError] = []
        for record in records:
            try:
                sent.append(await self._send(record))
            except KafkaError as error:
                stopped = [error] * (len(records) - len(sent))
                break
        return [*await asyncio.gather(*sent, return_exceptions=True), *stopped]

    async def _send(self, record: Outgoing) -> Awaitable[object]:
        try:
            return await self._producer.send(
                record.topic, record.key, record.value, record.partition, None, record.headers
            )
        except ProducerSendError as error:  # Faust's wrapping hides whether another attempt may help
            raise error.__cause__ or error from None


def _all_durable(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers
