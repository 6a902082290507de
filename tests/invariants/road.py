"""One installation in test: its workers as processes, and when they are done."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import GroupCoordinatorNotAvailableError
from bus import Bus
from redis.asyncio import Redis
from worker_process import Process

from schemas.result import Result
from streams.topics import group_of, inputs_of

SETTLED_WITHIN = 90.0


class Road(Bus):
    """Everything that a promise is held against."""

    roles = ("clinical", "genomic", "assembly", "inference")

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        super().__init__(environment)
        self._folder = folder
        self.processes: list[Process] = []

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

    async def members(self, role: str) -> int:
        """Workers in the consumer group of a role."""
        async with self.administering() as client:
            (response,) = await client.describe_consumer_groups([self.group_of(role)])
        return len(response.groups[0][5])

    def group_of(self, role: str) -> str:
        """The consumer group of a role."""
        return group_of(self.prefix, role)

    async def until(self, holds: Callable[[], Awaitable[bool]], within: float = SETTLED_WITHIN) -> None:
        """Return as soon as it holds; looks at every quiet quarter of a second."""
        async with self.reading() as consumer, asyncio.timeout(within):
            consumer.assign(self.places(self.topics.fhir))
            await consumer.getmany(timeout_ms=1)  # aiokafka cannot stop a consumer that never ran
            while not await holds():
                self._require_workers()
                await consumer.getmany(timeout_ms=250)

    async def until_members(self, count: int) -> None:
        """Return when the groups of all roles have so many workers."""

        async def there() -> bool:
            return all([await self.members(role) == count for role in self.roles])

        await self.until(there)

    async def until_said(self, words: str, process: Process) -> None:
        """Return when a worker has logged these words."""

        async def there() -> bool:
            return words in process.stderr.read_text(encoding="utf-8", errors="replace")

        await self.until(there)

    async def until_there_are(self, count: int, topic: str, within: float = SETTLED_WITHIN) -> None:
        """Return as soon as a topic has so many records."""
        async with self.reading() as consumer, asyncio.timeout(within):
            consumer.assign(self.places(topic))
            await consumer.seek_to_beginning()
            while count > 0:
                self._require_workers()
                count -= sum(map(len, (await consumer.getmany(timeout_ms=100)).values()))

    async def settled(self, within: float = SETTLED_WITHIN, roles: Iterable[str] | None = None) -> None:
        """Return when no role has lag and no patient is waiting, twice in a row; TimeoutError tells what was open."""
        quiet, begun, left = 0, time.monotonic(), "nothing seen"
        async with self.reading() as consumer, self.redis() as redis:
            consumer.assign(self.places(self.topics.results))
            while quiet < 2:
                self._require_workers()
                left = await self._open(consumer, redis, tuple(roles or self.roles))
                quiet = 0 if left else quiet + 1
                await consumer.getmany(timeout_ms=250)
                if time.monotonic() - begun > within:
                    raise TimeoutError(f"{left}; {self.logs()[-3000:]}")

    async def _open(self, consumer: AIOKafkaConsumer, redis: Redis, roles: tuple[str, ...]) -> str:
        """What is not done yet, in words; down the road, so that nothing can hide between two roles."""
        for role in roles:
            try:
                lag = await self._lag(consumer, role)
            except GroupCoordinatorNotAvailableError:
                return "the broker has no groups yet"
            if lag:
                return f"{role} has {lag} records to read"
            if role == "assembly" and (waiting := await self.waiting(redis)):
                return f"{waiting} patients wait"
        return ""

    async def _lag(self, consumer: AIOKafkaConsumer, role: str) -> int:
        ends = await consumer.end_offsets(self.places(inputs_of(self.topics)[role]))
        async with self.administering() as client:
            reached = await client.list_consumer_group_offsets(self.group_of(role))
        return sum(end - (max(0, reached[place].offset) if place in reached else 0) for place, end in ends.items())

    def _require_workers(self) -> None:
        for process in self.processes:
            if process.wanted and process.popen.poll() is not None:
                raise RuntimeError(f"a worker ended by itself: {process.stderr.read_text()[-3000:]}")

    async def waiting(self, redis: Redis) -> int:
        """Patients with a decision due, now or later."""
        return sum([await redis.zcard(f"{self.prefix}{{p{number}}}:due") for number in range(self.partitions)])


LayRoad = Callable[..., Road]
"""Makes a road; keyword arguments are further settings, without ONCOSTREAM_ and in small letters."""


@dataclass(frozen=True)
class Undisturbed:
    """A road whose worker read the cohort in peace, and what it said last: patient -> `content_sha256`."""

    road: Road
    contents: Mapping[str, str]


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
