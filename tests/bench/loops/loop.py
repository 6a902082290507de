"""The loop itself: getmany, work, send all, wait for every acknowledgement, commit. At least once, and nothing more."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.message import Message
from streams.batches import message_of
from streams.publisher import Outgoing
from streams.settings import Settings

Work = Callable[[Sequence[Message]], Awaitable[Sequence[Outgoing]]]
"""A batch in, the records to send out."""


@dataclass(frozen=True)
class Job:
    """One loop: what it reads and what it does with it."""

    name: str
    topic: str
    work: Work
    most: int = 256
    """Records at a time."""


async def run(job: Job, settings: Settings) -> None:
    """Go on for ever; an exception ends the program, which then reads again from the last commit."""
    consumer = consumer_of(job, settings)
    producer = AIOKafkaProducer(bootstrap_servers=settings.places.kafka, acks="all", max_request_size=16_000_000)
    await asyncio.gather(consumer.start(), producer.start())
    while True:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=job.most)
        messages = [message_of(record) for records in fetched.values() for record in records]
        if messages:
            await send(producer, await job.work(messages))
            await consumer.commit()


def consumer_of(job: Job, settings: Settings) -> AIOKafkaConsumer:
    """A consumer of the job's group that commits by hand."""
    return AIOKafkaConsumer(
        job.topic,
        bootstrap_servers=settings.places.kafka,
        group_id=f"{settings.kafka.prefix}loop-{job.name}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=int(settings.kafka.session_timeout.total_seconds() * 1000),
    )


async def send(producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
    """Send all, then wait until Kafka has every one."""
    sent = [
        await producer.send(each.topic, each.value, each.key, each.partition, headers=each.headers) for each in records
    ]
    await asyncio.gather(*sent)
