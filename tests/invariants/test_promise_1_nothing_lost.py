"""Promise 1: every input offset ends in evidence, in nothing-new, or in a dead letter, whatever happens to a worker."""

import asyncio
from collections.abc import Sequence

import pytest
from bus import Place
from events_in import cohort, slow_sequencing
from road import LayRoad, Road, Undisturbed, last_contents

from deploy.local.servers import LocalServers

pytestmark = pytest.mark.slow

EVENTS = cohort()
COMMIT_SECONDS = 1.0
"""Between two commits of a worker."""
EARLY = 12
"""Results after which something happens: by then every role has begun, and most events are still to come."""


async def check(road: Road, sent: Sequence[Place], undisturbed: Undisturbed) -> None:
    await road.settled()
    assert len(sent) >= len(EVENTS)
    assert await road.without_outcome(sent) == set()
    said = last_contents(await road.results())
    assert {name: said.get(name) for name in undisturbed.contents} == undisturbed.contents


def test_in_peace_every_patient_has_a_result_and_every_offset_an_outcome(undisturbed: Undisturbed) -> None:
    assert set(undisturbed.contents) == {f"p-{number:03d}" for number in range(48)}
    road = undisturbed.road

    async def places() -> list[Place]:
        topics = (road.topics.observations, road.topics.sequencing)
        return [(m.topic, m.partition, m.offset) for topic in topics for m in await road.read(topic)]

    sent = asyncio.run(places())
    assert len(sent) == len(EVENTS)
    assert asyncio.run(road.without_outcome(sent)) == set()


def test_a_worker_killed_with_a_batch_in_work_and_started_again_loses_nothing(
    lay_road: LayRoad, undisturbed: Undisturbed
) -> None:
    road = lay_road()

    async def killed() -> None:
        slow = await road.send([slow_sequencing(f"slow-{number}", 30_000) for number in range(8)])
        worker, stop = road.start(), asyncio.Event()
        sending = asyncio.create_task(road.load(EVENTS, stop))

        async def reads_since_the_last_commit() -> bool:
            return await asyncio.to_thread(worker.in_work, "genomic") > 2 * COMMIT_SECONDS

        await road.until(reads_since_the_last_commit)
        worker.kill()
        assert slow[-1] in await road.without_outcome(slow)
        road.start()
        await road.until_members(1)
        stop.set()
        await check(road, [*slow, *await sending], undisturbed)

    asyncio.run(killed())


def test_workers_that_join_freeze_wake_late_and_leave_under_load_lose_nothing(
    lay_road: LayRoad, undisturbed: Undisturbed
) -> None:
    road = lay_road()

    async def moved() -> None:
        first, stop = road.start(), asyncio.Event()
        sending = asyncio.create_task(road.load(EVENTS, stop))
        await road.until_there_are(EARLY, road.topics.results)
        second = road.start()
        await road.until_members(2)
        first.freeze()
        await road.until_members(1)
        first.wake()
        await road.until_members(2)
        assert second.leave() == 0
        await road.until_members(1)
        stop.set()
        await check(road, await sending, undisturbed)

    asyncio.run(moved())


def test_a_cache_emptied_killed_and_started_again_in_mid_stream_loses_nothing(
    lay_road: LayRoad, undisturbed: Undisturbed, servers: LocalServers
) -> None:
    road = lay_road()

    async def emptied() -> None:
        worker, stop = road.start(), asyncio.Event()
        sending = asyncio.create_task(road.load(EVENTS, stop))
        await road.until_there_are(EARLY, road.topics.results)
        async with road.redis() as redis:
            await redis.flushall()
        await road.until_said("rebuilding", worker)
        servers.cache.kill()
        try:
            await road.until_said("dependency_away", worker)
        finally:
            servers.cache.restart()
        stop.set()
        await check(road, await sending, undisturbed)

    asyncio.run(emptied())
