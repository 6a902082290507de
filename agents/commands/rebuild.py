"""`oncostream rebuild`: the cache from the evidence."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from aiokafka import TopicPartition
from rich.progress import Progress

from agents.clients import administering, caching, partitions_of, reading
from agents.exits import AskedWrongly
from agents.local_home import settings_here
from agents.rows import progress, say
from agents.standing import committed_of
from streams.cache import Cache
from streams.recovery import rebuild as rebuild_partition
from streams.settings import Settings
from streams.topics import group_of, named


def rebuild(
    partition: Annotated[list[int] | None, typer.Option(help="Only this partition; repeat it.")] = None,
) -> None:
    """Build the cache again from the evidence and the requests, and have every patient decided again.

    Safe while workers run: a worker that meets a half-built partition notices by its mark and builds it itself.
    """
    done = asyncio.run(_rebuild(settings_here(), partition))
    left = f"; a worker builds {done.count(False)} itself" if False in done else ""
    say(f"rebuilt {done.count(True)} partitions{left}")


async def _rebuild(settings: Settings, chosen: list[int] | None) -> list[bool]:
    """For each partition whether it was rebuilt here."""
    topics = named(settings.kafka.prefix)
    async with administering(settings) as admin, caching(settings) as redis:
        count = (await partitions_of(admin, [topics.evidence]))[topics.evidence]
        wanted = list(range(count)) if chosen is None else sorted(set(chosen))
        if not set(wanted) <= set(range(count)):
            raise AskedWrongly(f"--partition {wanted[-1]}: {topics.evidence} has the partitions 0 to {count - 1}")
        offsets = await committed_of(admin, group_of(settings.kafka.prefix, "assembly"))
        cache = Cache(redis, settings.kafka.prefix)
        done: list[bool] = []
        with progress() as shown:
            task = shown.add_task("partitions", total=len(wanted))
            for each in wanted:
                place = TopicPartition(topics.evidence, each)
                done.append(await _one(settings, cache, each, offsets.get(place, 0), shown))
                shown.advance(task)
    return done


async def _one(settings: Settings, cache: Cache, partition: int, until: int, shown: Progress) -> bool:
    """One partition, up to what assembly has committed; it takes the rest in by itself."""
    topics = named(settings.kafka.prefix)
    async with reading(settings) as consumer:
        place = TopicPartition(topics.evidence, partition)
        first = (await consumer.beginning_offsets([place]))[place]
    task = shown.add_task(f"partition {partition}: records", total=max(0, until - first))

    def report(_: int, count: int) -> None:
        shown.update(task, completed=count)

    now = datetime.now(UTC)
    done = await rebuild_partition(settings, topics, cache, partition, until=until, now=now, progress=report)
    shown.remove_task(task)
    return done
