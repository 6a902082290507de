"""From an event to its result, as a reader of the results sees it: the whole road, settle 0.

In two processes, inference in one of its own, as an installation under load runs it; and in one process of six roles.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

import numpy as np
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from measures.figures import Figure
from measures.inputs import cohort, observation, panel
from measures.place import Installation, Place, Size
from measures.roles import ROLES, contender, spread
from measures.worker import Clients, clients_of, fill, oncostream, running, settled
from schemas.envelope import received_at
from streams.batches import message_of
from streams.kafka import reader
from streams.publisher import Outgoing
from streams.topics import named

_EVENTS_A_SECOND = 200
_EVENTS = 3_000
_CORES = 2
_PROCESSES = {
    "inference in a process of its own": (("inference",), tuple(role for role in ROLES if role != "inference")),
    "one process": (ROLES,),
}
_WAVE = 16
"""Patients."""
_LIMIT_SECONDS = 1.0


def measure_latency(place: Place, size: Size) -> list[Figure]:
    """The median over the runs of p50 and p99, for each way to divide the roles."""
    return [_figure(place, size, name, processes) for name, processes in _PROCESSES.items()]


def _figure(place: Place, size: Size, name: str, processes: Sequence[Sequence[str]]) -> Figure:
    events = size.of(_EVENTS)
    found = [asyncio.run(_run(place, events, processes)) for _ in range(size.runs)]
    middle, late = (float(np.median([np.quantile(run, q) for run in found])) for q in (0.5, 0.99))
    said = f"p50 {middle * 1e3:.0f} ms, p99 {late * 1e3:.0f} ms, {np.median([len(run) for run in found]):.0f} results"
    title = f"event to result at {_EVENTS_A_SECOND}/s, {_CORES} cores, {name}"
    return Figure(title, said, "–", "–", f"p99 < {_LIMIT_SECONDS:.0f} s", late < _LIMIT_SECONDS)


async def _run(place: Place, events: int, processes: Sequence[Sequence[str]]) -> list[float]:
    """Seconds from each event to the result that it was the newest for."""
    own = place.installation(min_modalities="2")
    topics, seen = named(own.settings.kafka.prefix), list[float]()
    program = contender(own, topics, ROLES, ours=True)
    async with clients_of(own) as clients:
        await fill(clients.producer, _mixed(own, 64))
        with ExitStack() as stack:
            started = [stack.enter_context(running(oncostream(roles), own)) for roles in processes]
            for process in started:
                _keep_to(process, _CORES)
            await settled(clients, program, started[-1])
            results = reader(own.settings.places.kafka, own.settings.kafka, fetch_max_wait_ms=10)
            async with results:
                await _go_to_the_end(results, topics.results, own.settings.kafka.partitions)
                follower = asyncio.create_task(_follow(results, seen))
                await _send(clients, _mixed(own, events))
                await settled(clients, program, started[-1])
                follower.cancel()
    return seen


def _mixed(own: Installation, events: int) -> list[Outgoing]:
    """Four events a patient, the second a panel: at a quorum of two, every one from there on leads to a result.

    Patients come in waves, so that a quarter of what arrives in any second are panels.
    """
    topics, prefix, made = named(own.settings.kafka.prefix), cohort(), []
    for number in range(events):
        wave, place = divmod(number, 4 * _WAVE)
        turn, who = divmod(place, _WAVE)
        name = f"{prefix}-{wave * _WAVE + who}"
        if turn == 1:
            made.append(spread(own, topics.sequencing, number, panel(name, number)))
        else:
            made.append(spread(own, topics.observations, number, observation(name, turn)))
    return made


async def _send(clients: Clients, records: Sequence[Outgoing]) -> None:
    """One by one, each at its time."""
    started = time.monotonic()
    for number, each in enumerate(records):
        await asyncio.sleep(max(0.0, started + number / _EVENTS_A_SECOND - time.monotonic()))
        await clients.producer.send(each.topic, each.value, each.key, each.partition)
    await clients.producer.flush()


async def _go_to_the_end(results: AIOKafkaConsumer, topic: str, partitions: int) -> None:
    results.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    await results.seek_to_end()


async def _follow(results: AIOKafkaConsumer, seen: list[float]) -> None:
    async for record in results:
        seen.append((datetime.now(UTC) - received_at(message_of(record))).total_seconds())


def _keep_to(process: psutil.Process, cores: int) -> None:
    process.cpu_affinity(process.cpu_affinity()[:cores])
