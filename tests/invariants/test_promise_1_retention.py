"""Promise 1 where Kafka itself loses: records removed before anybody read them are told of, not passed over."""

import asyncio
import json
import sys
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from events_in import Sent
from road import LayRoad, Road

pytestmark = pytest.mark.slow
BROKEN = Sent("observations", b"k", b"{no json")


async def commit(road: Road, place: TopicPartition, offset: int) -> None:
    """Let the group of clinical be there."""
    options = {"bootstrap_servers": road.bootstrap, "group_id": road.group_of("clinical"), "enable_auto_commit": False}
    async with AIOKafkaConsumer(**options) as consumer:
        consumer.assign([place])
        await consumer.commit({place: offset})


async def offsets_finding(road: Road) -> list[dict[str, Any]]:
    main = ("-c", "from agents.cli import main; main()", "doctor", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *main, env=dict(road.environment), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return [row for row in map(json.loads, said.splitlines()) if row["check"] == "offsets"]


def test_records_that_were_removed_before_they_were_read_are_said_and_counted(lay_road: LayRoad) -> None:
    road = lay_road()

    async def visit() -> None:
        sent = await road.send([BROKEN] * 30)
        place = TopicPartition(*sent[0][:2])
        await commit(road, place, 5)
        async with road.administering() as client:
            await client.delete_records({place: RecordsToDelete(before_offset=12)})
        (fault,) = await offsets_finding(road)
        assert fault["state"] == "wrong"
        assert fault["found"].endswith("up to 5, and it begins at 12: 7 records were removed unread")
        worker = road.start("clinical")
        await road.until_there_are(18, road.topics.dead_letters)
        await road.until_said("records_gone", worker)
        assert f'oncostream_records_gone_total{{topic="{place.topic}"}} 7.0' in worker.metrics().splitlines()
        await road.settled(roles=["clinical"])
        assert await offsets_finding(road) == []

    asyncio.run(visit())
