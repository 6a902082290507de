"""Publish records and come back only when Kafka has every one of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

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


class Publisher:
    """Writes batches of records, in order, through one producer."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def publish(self, records: Sequence[Outgoing]) -> list[Any]:
        """Send all, then wait until all are acknowledged by Kafka; raises KafkaError where one is not.

        Returns where each record is now, in order (aiokafka's RecordMetadata).
        """
        sent = [
            await self._producer.send(each.topic, each.key, each.value, each.partition, None, each.headers)
            for each in records
        ]
        return list(await asyncio.gather(*sent))
