import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from assembly_bench import KafkaWriter
from faust.types import TP

from agents.letters import letter_in
from schemas.errors import Reason, Refused
from streams.batches import Batch
from streams.dead_letters import DeadLetters
from streams.kafka import admin, reader
from streams.opened import opened
from streams.publisher import Publisher
from streams.pulse import Pulse
from streams.reading import read_to_end
from streams.settings import Settings
from streams.step import SetAside, Step
from streams.topics import LARGEST_RECORD, create_topics, named

pytestmark = pytest.mark.slow


def writer(settings: Settings, most: int, **options: Any) -> Any:
    return opened(AIOKafkaProducer(bootstrap_servers=settings.places.kafka, max_request_size=most, **options))


def test_a_message_that_was_compressed_and_fits_no_letter_is_set_aside_all_the_same(fresh_settings: Any) -> None:
    """A sender's 70 MB travel in 70 KB, and come unpacked. The worker ended over their letter, at every start again."""
    settings = fresh_settings.settings
    topics = named(settings.kafka.prefix)

    async def visit() -> None:
        async with opened(admin(settings.places.kafka, settings.kafka)) as client:
            await create_topics(client, topics, 1, 1)
        async with writer(settings, 2 * LARGEST_RECORD, compression_type="gzip") as sender:
            await sender.send_and_wait(topics.observations, b" " * (LARGEST_RECORD + 1), b"p-1", partition=0)
        async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
            tp = TP(topics.observations, 0)
            consumer.assign([tp])
            (records,) = (await consumer.getmany(timeout_ms=10_000)).values()
        async with writer(settings, LARGEST_RECORD) as producer:  # as the worker's own
            letters = DeadLetters(topics.dead_letters, "1")
            step = Step("clinical", Publisher(KafkaWriter(producer)), letters, Pulse(timedelta.max))
            batch = Batch(tp.topic, [(tp, records)], asyncio.Event(), lambda: None)
            assert await step.run(batch, refuse)
        async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
            found = [message async for message in read_to_end(consumer, topics.dead_letters, [0])]
        (letter,) = map(letter_in, found)
        assert letter is not None
        assert (letter.reason, letter.id) == (Reason.TOO_LARGE, f"{topics.observations}/0/0")
        assert letter.detail.endswith("see where it came from")

    asyncio.run(visit())


async def refuse(messages: Any) -> list[SetAside]:
    return [SetAside(Refused(Reason.TOO_LARGE, "larger than the limit; send it in parts")) for _ in messages]
