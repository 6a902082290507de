"""Promise 1 where offsets begin again: a topic was made anew, or lost its end, and the group is past that."""

import asyncio
import json
import sys
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from events_in import Sent
from road import LayRoad, Road

from streams.topics import create_topics

pytestmark = pytest.mark.slow
BROKEN = Sent("observations", b"k", b"{no json")


async def commit(road: Road, place: TopicPartition, offset: int) -> None:
    """Let the group of clinical be there."""
    options = {"bootstrap_servers": road.bootstrap, "group_id": road.group_of("clinical"), "enable_auto_commit": False}
    async with AIOKafkaConsumer(**options) as consumer:
        consumer.assign([place])
        await consumer.commit({place: offset})


async def committed(road: Road, place: TopicPartition) -> int:
    async with road.administering() as client:
        return int((await client.list_consumer_group_offsets(road.group_of("clinical")))[place].offset)


async def told(road: Road, command: str) -> list[dict[str, Any]]:
    """What `oncostream COMMAND --json` says."""
    main = ("-c", "from agents.cli import main; main()", command, "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *main, env=dict(road.environment), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return [json.loads(line) for line in said.splitlines()]


async def made_anew(road: Road, topic: str) -> None:
    async with road.administering() as client:
        await client.delete_topics([topic])
        while topic in await client.list_topics():
            await asyncio.sleep(0.05)
        await create_topics(client, road.topics, road.partitions, 1)


def test_a_topic_that_is_made_anew_under_a_worker_is_read_from_its_beginning(lay_road: LayRoad) -> None:
    road = lay_road()

    async def visit() -> None:
        worker = road.start("clinical")
        letters = 0
        for count in (30, 10):  # fewer than it had reached: all are below
            sent = await road.send([BROKEN] * count)
            letters += count
            await road.until_there_are(letters, road.topics.dead_letters, within=45)
            assert await road.without_outcome(sent) == set()
            await made_anew(road, road.topics.observations)
        assert worker.popen.poll() is None

    asyncio.run(visit())


def test_what_is_below_the_offset_that_a_group_had_reached_is_read_and_committed(lay_road: LayRoad) -> None:
    road = lay_road()

    async def visit() -> None:
        sent = await road.send([BROKEN] * 30)
        place = TopicPartition(*sent[0][:2])
        await commit(road, place, 100)
        standing = await told(road, "status")
        assert [row["lag"] for row in standing if row.get("role") == "clinical"] == [30]
        (fault,) = [row for row in await told(road, "doctor") if row["check"] == "offsets"]
        assert (fault["state"], fault["found"]) == (
            "wrong", f"clinical has read {place.topic}/{place.partition} up to 100, and it ends at 30"
        )  # fmt: skip
        worker = road.start("clinical")

        async def all_have_an_outcome() -> bool:
            return await road.without_outcome(sent) == set()

        await road.until(all_have_an_outcome, within=30)
        sent += await road.send([BROKEN] * 90)  # past where it had been
        await road.until(all_have_an_outcome, within=30)

        async def all_is_committed() -> bool:
            return await committed(road, place) == 120

        await road.until(all_is_committed, within=30)
        assert worker.stderr.read_text().count("offsets_began_again") == 1
        assert [row for row in await told(road, "doctor") if row["check"] == "offsets"] == []

    asyncio.run(visit())
