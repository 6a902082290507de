"""One installation in test: its topics, its workers as processes, and what can be seen of it from outside."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError
from events_in import Sent
from redis.asyncio import Redis

from agents.wiring import ROLES
from deploy.local.ports import free_port
from schemas.message import Message
from schemas.result import Result
from streams.kafka import admin, reader, writer
from streams.reading import read_to_end
from streams.settings import KafkaSettings
from streams.topics import create_topics, named

ONCOSTREAM = Path(sys.executable).with_name("oncostream")
SETTLED_WITHIN = 60.0


class Process:
    """One `oncostream run`."""

    def __init__(self, environment: Mapping[str, str], roles: Iterable[str], stderr: Path) -> None:
        self.stderr = stderr
        self.port = free_port()
        self.wanted = True
        chosen = [argument for role in roles for argument in ("--role", role)]
        with stderr.open("wb") as output:
            self.popen = subprocess.Popen(
                [str(ONCOSTREAM), "run", *chosen],
                env={**environment, "ONCOSTREAM_WEB_PORT": str(self.port), "OMP_NUM_THREADS": "1"},
                stderr=output,
                stdout=output,
            )

    def freeze(self) -> None:
        os.kill(self.popen.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.kill(self.popen.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL."""
        self.wanted = False
        self.popen.kill()
        self.popen.wait()

    def leave(self) -> int:
        """SIGTERM, and its exit code."""
        self.wanted = False
        self.popen.terminate()
        return self.popen.wait(30)


class Road:
    """Everything that a promise is held against."""

    roles = ("clinical", "genomic", "assembly", "inference")

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = environment
        self.prefix = environment["ONCOSTREAM_KAFKA_PREFIX"]
        self.partitions = int(environment["ONCOSTREAM_KAFKA_PARTITIONS"])
        self.topics = named(self.prefix)
        self.kafka = KafkaSettings(prefix=self.prefix, partitions=self.partitions)
        self.bootstrap = environment["ONCOSTREAM_KAFKA"]
        self._folder = folder
        self.processes: list[Process] = []

    async def lay(self) -> None:
        """Create the topics."""
        client = admin(self.bootstrap, self.kafka)
        await client.start()
        try:
            await create_topics(client, self.topics, self.partitions, 1)
        finally:
            await client.close()

    def start(self, *roles: str) -> Process:
        """One more worker."""
        log = self._folder / f"worker-{len(self.processes)}.log"
        process = Process(self.environment, roles or self.roles, log)
        self.processes.append(process)
        return process

    def end(self) -> None:
        """End every worker that still runs."""
        for process in self.processes:
            if process.popen.poll() is None:
                process.wake()
                process.kill()

    def logs(self) -> str:
        """What all workers said."""
        return "".join(process.stderr.read_text(encoding="utf-8", errors="replace") for process in self.processes)

    async def send(self, events: Iterable[Sent]) -> list[tuple[str, int, int]]:
        """Send one after another, each acknowledged; gives (topic, partition, offset) of each."""
        places = []
        producer = writer(self.bootstrap, self.kafka)
        await producer.start()
        try:
            for event in events:
                done = await producer.send_and_wait(event.topic_in(self.topics), event.value, event.key)
                places.append((done.topic, done.partition, done.offset))
        finally:
            await producer.stop()
        return places

    async def read(self, topic: str) -> list[Message]:
        """All records that a topic has now."""
        async with self.reading() as consumer:
            return [message async for message in read_to_end(consumer, topic, list(range(self.partitions)))]

    async def results(self) -> list[Result]:
        """All results, in the order of each partition."""
        return [Result.model_validate_json(m.value or b"") for m in await self.read(self.topics.results)]

    async def until_there_are(self, count: int, topic: str, within: float = SETTLED_WITHIN) -> None:
        """Return as soon as a topic has so many records."""
        async with self.reading() as consumer, asyncio.timeout(within):
            consumer.assign(self._places(topic))
            await consumer.seek_to_beginning()
            while count > 0:
                self._require_workers()
                count -= sum(map(len, (await consumer.getmany(timeout_ms=100)).values()))

    async def settled(self, within: float = SETTLED_WITHIN, roles: Iterable[str] | None = None) -> None:
        """Return when no role has lag and no patient is waiting, twice in a row; TimeoutError tells what was open."""
        quiet, begun, left = 0, time.monotonic(), "nothing seen"
        async with self.reading() as consumer, self.redis() as redis:
            consumer.assign(self._places(self.topics.results))
            while quiet < 2:
                self._require_workers()
                left = await self._open(consumer, redis, tuple(roles or self.roles))
                quiet = 0 if left else quiet + 1
                await consumer.getmany(timeout_ms=250)
                if time.monotonic() - begun > within:
                    raise TimeoutError(f"{left}; {self.logs()[-3000:]}")

    async def _open(self, consumer: AIOKafkaConsumer, redis: Redis, roles: tuple[str, ...]) -> str:
        topics = self.topics
        inputs = {
            "clinical": topics.observations,
            "genomic": topics.sequencing,
            "assembly": topics.evidence,
            "inference": topics.requests,
            "fhir": topics.results,
        }
        client = admin(self.bootstrap, self.kafka)
        await client.start()
        try:
            for role in roles:
                ends = await consumer.end_offsets(self._places(inputs[role]))
                reached = await client.list_consumer_group_offsets(f"{self.prefix}oncostream-{role}")
                for place, end in ends.items():
                    if end > (reached[place].offset if place in reached else 0):
                        return f"{role} has lag"
                if role == "assembly" and (waiting := await self.waiting(redis)):
                    return f"{waiting} patients wait"
        except GroupCoordinatorNotAvailableError:
            return "the broker has no groups yet"
        finally:
            await client.close()
        return ""

    def _require_workers(self) -> None:
        for process in self.processes:
            if process.wanted and process.popen.poll() is not None:
                raise RuntimeError(f"a worker ended by itself: {process.stderr.read_text()[-3000:]}")

    async def waiting(self, redis: Redis) -> int:
        """Patients with a decision due, now or later."""
        return sum([await redis.zcard(f"{self.prefix}{{p{number}}}:due") for number in range(self.partitions)])

    def redis(self) -> Redis:
        """A client of the cache."""
        client: Redis = Redis.from_url(self.environment["ONCOSTREAM_REDIS"])
        return client

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer without a group."""
        consumer = reader(self.bootstrap, self.kafka)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    def _places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, partition) for partition in range(self.partitions)]


LayRoad = Callable[..., Road]
"""Makes a road; keyword arguments are further settings, without ONCOSTREAM_ and in small letters."""


def last_results(results: Iterable[Result]) -> dict[str, Result]:
    """Patient -> the result of the greatest revision."""
    last: dict[str, Result] = {}
    for result in results:
        known = last.get(result.patient)
        if known is None or result.history.revision >= known.history.revision:
            last[result.patient] = result
    return last


def last_contents(results: Iterable[Result]) -> dict[str, str]:
    """Patient -> `content_sha256` of the last result."""
    return {patient: result.content_sha256 for patient, result in last_results(results).items()}
