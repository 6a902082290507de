"""Assembly without Faust, on real servers."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

from agents.patients import Patients
from agents.wiring import make_parts
from schemas.envelope import Headers
from schemas.evidence import Evidence
from schemas.ids import partition_of
from schemas.message import Message
from streams.cache import Cache
from streams.kafka import reader
from streams.publisher import Outgoing, Publisher
from streams.reading import read_to_end
from streams.step import Outcome


class KafkaWriter:
    """An aiokafka producer with the face of Faust's."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None,
        timestamp: float | None, headers: Headers | None,
    ) -> "asyncio.Future[object]":  # fmt: skip
        return await self._producer.send(topic, value, key, partition, None, headers)


class Owner:
    """A worker that owns every partition, until they are taken, and has committed nothing, until it is said to."""

    def __init__(self) -> None:
        self.owned = set(range(4))
        self.commits: dict[int, int] = {}
        self.takeovers = 0

    def assigned(self, topic: str) -> set[int]:
        return self.owned

    def committed(self, topic: str, partition: int) -> int:
        return self.commits.get(partition, 0)


class Assembly:
    """Assembly without Faust: what lies in the evidence topic is read and absorbed by hand."""

    def __init__(self, settings: Any, publisher: Publisher) -> None:
        self.settings = settings
        self.parts = make_parts(settings)
        self.publisher = publisher
        self.owner = Owner()
        self.patients = Patients(self.parts, publisher, self.owner)
        self.cache = Cache(self.parts.redis, settings.kafka.prefix)
        self.absorbed: dict[int, int] = {}

    def settle(self, quiet: timedelta) -> None:
        """From now on wait for so long after the last evidence."""
        self.parts = replace(self.parts, policy=replace(self.parts.policy, settle=quiet))
        self.patients = Patients(self.parts, self.publisher, self.owner)

    async def log(self, topic: str) -> list[Message]:
        """Every record of a topic."""
        async with reader(self.settings.places.kafka, self.settings.kafka) as consumer:
            return [message async for message in read_to_end(consumer, topic, list(range(4)))]

    async def absorb_the_rest(self) -> Sequence[Outcome]:
        """Absorb what came since the last time."""
        read = await self.log(self.parts.topics.evidence)
        rest = [message for message in read if message.offset > self.absorbed.get(message.partition, -1)]
        self.absorbed |= {message.partition: message.offset for message in rest}
        return await self.patients.absorb(rest)

    async def publish(self, *pieces: Evidence) -> None:
        """Put pieces on the evidence topic, as the intake roles do."""
        await self.publisher.publish([self.record(one, one.to_json()) for one in pieces])

    def record(self, one: Evidence, value: bytes | None) -> Outgoing:
        return Outgoing(self.parts.topics.evidence, one.key.encode(), value, self.home(one.patient))

    def home(self, patient: str) -> int:
        return partition_of(patient, self.settings.kafka.partitions)
