import asyncio
from typing import Any

import pytest

from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.reading import read_to_end
from streams.topics import create_topics, named


@pytest.mark.slow
def test_a_topic_is_read_as_far_as_it_goes_now_or_as_far_as_asked(fresh_settings: Any) -> None:
    settings = fresh_settings.settings
    bootstrap, topics = settings.places.kafka, named(settings.kafka.prefix)

    async def read(topic: str, chosen: list[int], **until: int) -> dict[int, list[bytes | None]]:
        found: dict[int, list[bytes | None]] = {}
        async with reader(bootstrap, settings.kafka) as consumer:
            async for message in read_to_end(consumer, topic, chosen, **until):
                found.setdefault(message.partition, []).append(message.value)
        return found

    async def go() -> None:
        async with opened(admin(bootstrap, settings.kafka)) as client:
            await create_topics(client, topics, 2, 1)
        async with writer(bootstrap, settings.kafka) as producer:
            for partition, values in {0: [b"a", None, b"c"], 1: [b"d"]}.items():
                for value in values:
                    await producer.send_and_wait(topics.evidence, value, b"k", partition)
        assert await read(topics.evidence, [0, 1]) == {0: [b"a", None, b"c"], 1: [b"d"]}
        assert await read(topics.evidence, [0]) == {0: [b"a", None, b"c"]}
        assert await read(topics.evidence, [0], until=2) == {0: [b"a", None]}
        assert await read(topics.evidence, [0], until=99) == {0: [b"a", None, b"c"]}
        assert await read(topics.evidence, [0], until=0) == {}
        assert await read(topics.requests, [0, 1]) == {}

    asyncio.run(go())
