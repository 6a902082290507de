"""The bus and the cache of one installation in test, as seen from outside."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import chain, cycle

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from events_in import Sent
from redis.asyncio import Redis

from schemas.dead_letter import DeadLetter
from schemas.evidence import Evidence
from schemas.message import Message
from schemas.result import Result
from streams.kafka import admin, reader, writer
from streams.kafka_settings import KafkaSettings
from streams.opened import opened
from streams.reading import read_to_end
from streams.topics import create_topics, named

Place = tuple[str, int, int]
"""(topic, partition, offset)."""

_BETWEEN_SECONDS = 0.02


class Bus:
    """Topics of one prefix, and the cache beside them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.prefix = environment["ONCOSTREAM_KAFKA_PREFIX"]
        self.partitions = int(environment["ONCOSTREAM_KAFKA_PARTITIONS"])
        self.topics = named(self.prefix)
        self.bootstrap = environment["ONCOSTREAM_KAFKA"]
        self._kafka = KafkaSettings(prefix=self.prefix, partitions=self.partitions)

    async def lay(self) -> None:
        """Create the topics."""
        async with self.administering() as client:
            await create_topics(client, self.topics, self.partitions, 1)

    async def send(self, events: Iterable[Sent]) -> list[Place]:
        """Send one after another, each acknowledged; gives where each went."""
        async with self._writing() as producer:
            return [await self._put(producer, event) for event in events]

    async def load(self, events: Sequence[Sent], stop: asyncio.Event | None = None) -> list[Place]:
        """Send all of it at about 50 a second; with `stop`, the same again and again until that is set."""
        places: list[Place] = []
        async with self._writing() as producer:
            for event in chain(events, cycle(events)):
                if len(places) >= len(events) and (stop is None or stop.is_set()):
                    break
                places.append(await self._put(producer, event))
                await asyncio.sleep(_BETWEEN_SECONDS)  # the rate of the load; nothing is waited for
        return places

    async def put(self, topic: str, key: bytes, value: bytes, partition: int) -> None:
        """Write any record anywhere."""
        async with self._writing() as producer:
            await producer.send_and_wait(topic, value, key, partition=partition)

    async def _put(self, producer: AIOKafkaProducer, event: Sent) -> Place:
        done = await producer.send_and_wait(event.topic_in(self.topics), event.value, event.key)
        return done.topic, done.partition, done.offset

    async def read(self, topic: str) -> list[Message]:
        """All records that a topic has now."""
        async with self.reading() as consumer:
            return [message async for message in read_to_end(consumer, topic, list(range(self.partitions)))]

    async def results(self) -> list[Result]:
        """All results, in the order of each partition."""
        return [Result.model_validate_json(m.value or b"") for m in await self.read(self.topics.results)]

    async def without_outcome(self, sent: Iterable[Place]) -> set[Place]:
        """Those of these input offsets that neither a piece of evidence nor a dead letter names."""
        origins = [Evidence.model_validate_json(m.value or b"").origin for m in await self.read(self.topics.evidence)]
        letters = [DeadLetter.from_headers(message.headers) for message in await self.read(self.topics.dead_letters)]
        return set(sent) - {(each.topic, each.partition, each.offset) for each in [*origins, *letters]}

    def redis(self) -> Redis:
        """A client of the cache."""
        client: Redis = Redis.from_url(self.environment["ONCOSTREAM_REDIS"])
        return client

    def reading(self) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
        """A consumer without a group."""
        return opened(reader(self.bootstrap, self._kafka))

    def administering(self) -> AbstractAsyncContextManager[AIOKafkaAdminClient]:
        """An admin client."""
        return opened(admin(self.bootstrap, self._kafka))

    def _writing(self) -> AbstractAsyncContextManager[AIOKafkaProducer]:
        return opened(writer(self.bootstrap, self._kafka))

    def places(self, topic: str) -> list[TopicPartition]:
        """Every partition of a topic."""
        return [TopicPartition(topic, partition) for partition in range(self.partitions)]
