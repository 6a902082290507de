"""Run a contender as a process of its own and measure what it pays for the events of a topic filled beforehand.

The topic first holds a few warm-up events. When the contender has committed those, it is stopped (SIGSTOP). For each
run its topic is filled, and it goes on until the last offset is committed: so its start-up costs nothing here, and it
finds all events waiting. While one contender runs, the others stand still.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError

from measures.figures import Cost
from measures.place import Installation
from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.publisher import Outgoing
from streams.topics import create_topics, named

_LOOK_SECONDS = 0.1
_GIVE_UP_SECONDS = 300.0


@dataclass(frozen=True)
class Contender:
    """A program, and the topics it has to finish: topic -> consumer group, upstream first."""

    command: tuple[str, ...]
    groups: Mapping[str, str]
    output: str
    """The topic it writes to last."""


@dataclass(frozen=True)
class Clients:
    """The bench's own connections."""

    admin: AIOKafkaAdminClient
    reader: AIOKafkaConsumer
    producer: AIOKafkaProducer


def oncostream(roles: Sequence[str]) -> tuple[str, ...]:
    """The command line of our worker with these roles."""
    chosen = [part for role in roles for part in ("--role", role)]
    return (str(Path(sys.executable).with_name("oncostream")), "run", *chosen)


@dataclass(frozen=True)
class Runner:
    """A contender that stands still, warm, until it is given a run."""

    place: Installation
    contender: Contender
    clients: Clients
    process: psutil.Popen

    async def run(self, events: Sequence[Outgoing]) -> Cost:
        """What the contender pays for one of these events."""
        before = await self._made()
        await fill(self.clients.producer, events)
        spent, started = cpu_seconds(self.process), time.monotonic()
        self.process.resume()
        await settled(self.clients, self.contender, self.process)
        cpu, wall = cpu_seconds(self.process) - spent, time.monotonic() - started
        self.process.suspend()
        await _require_clean(self.clients, self.place)
        scale = 1e6 / len(events)
        return Cost(cpu * scale, wall * scale, await self._made() - before)

    async def _made(self) -> int:
        output = self.contender.output
        return sum((await _ends(self.clients, [output]))[output].values())


@asynccontextmanager
async def warmed(place: Installation, contender: Contender, warm: Sequence[Outgoing]) -> AsyncIterator[Runner]:
    """Start the contender on its warm-up events; stopped for good when the block ends."""
    async with clients_of(place) as clients:
        await fill(clients.producer, warm)
        with running(contender.command, place) as process:
            await settled(clients, contender, process)
            process.suspend()
            yield Runner(place, contender, clients, process)


@asynccontextmanager
async def clients_of(place: Installation) -> AsyncIterator[Clients]:
    """Connections to the installation's broker, with its topics made."""
    kafka, settings = place.settings.places.kafka, place.settings.kafka
    clients = Clients(admin(kafka, settings), reader(kafka, settings), writer(kafka, settings))
    async with opened(clients.admin), opened(clients.reader), opened(clients.producer):
        await create_topics(clients.admin, named(settings.prefix), settings.partitions, settings.replication)
        yield clients


async def fill(producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
    """Write the records and wait until Kafka has them all."""
    sent = [
        await producer.send(each.topic, each.value, each.key, each.partition, headers=each.headers) for each in records
    ]
    await asyncio.gather(*sent)


@contextmanager
def running(command: Sequence[str], place: Installation) -> Iterator[psutil.Popen]:
    """The process, ended when the block does; what it says goes to a file that is shown where it fails."""
    log = place.folder / f"{place.settings.kafka.prefix}{len(command)}.log"
    with log.open("wb") as said:
        process = psutil.Popen(command, cwd=place.folder, env=place.env, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield process
    except RuntimeError as failure:
        raise RuntimeError(f"{' '.join(command)}: {failure}\n{log.read_text(errors='replace')[-3000:]}") from failure
    finally:
        with suppress(psutil.NoSuchProcess):
            process.resume()
            process.terminate()
        try:
            process.wait(20)
        except psutil.TimeoutExpired:
            process.kill()


async def settled(clients: Clients, contender: Contender, process: psutil.Popen) -> None:
    """Wait until every group has committed the end of its topic; committed first, then ends, upstream first."""
    end = time.monotonic() + _GIVE_UP_SECONDS
    while time.monotonic() < end:
        done = {topic: await _committed(clients, group) for topic, group in contender.groups.items()}
        ends = await _ends(clients, list(contender.groups))
        if all(done[topic].get(tp, 0) == last for topic in ends for tp, last in ends[topic].items()):
            return
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode}")
        await asyncio.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"not settled after {_GIVE_UP_SECONDS:.0f} s")


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of the process, all threads."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def _committed(clients: Clients, group: str) -> dict[TopicPartition, int]:
    try:
        found = await clients.admin.list_consumer_group_offsets(group)
    except (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError):  # a new broker is still making its place
        return {}
    return {tp: at.offset for tp, at in found.items()}


async def _ends(clients: Clients, topics: Sequence[str]) -> dict[str, dict[TopicPartition, int]]:
    known = {row["topic"]: row["partitions"] for row in await clients.admin.describe_topics(list(topics))}
    wanted = [TopicPartition(topic, part["partition"]) for topic in topics for part in known[topic]]
    ends = await clients.reader.end_offsets(wanted)
    return {topic: {tp: last for tp, last in ends.items() if tp.topic == topic} for topic in topics}


async def _require_clean(clients: Clients, place: Installation) -> None:
    topic = named(place.settings.kafka.prefix).dead_letters
    if sum((await _ends(clients, [topic]))[topic].values()):
        raise RuntimeError("dead letters were written: the benchmark's events are wrong")
