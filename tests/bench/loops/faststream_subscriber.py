"""The observation job as a FastStream subscriber: one message at a time, its offset committed after its work."""

import asyncio
from typing import Any

from aiokafka import ConsumerRecord
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from loops.asking import Asking
from model.intake.clinical import ClinicalRules, read_observation
from streams.batches import message_of
from streams.settings import read_settings


async def as_it_came(message: KafkaMessage) -> Any:
    """No decoding: the library reads the bytes."""
    return message.raw_message


async def main() -> None:
    """Listen until ended."""
    settings, rules = read_settings(), ClinicalRules()
    asking = Asking(settings)
    broker = KafkaBroker(settings.places.kafka, acks="all", logger=None, apply_types=False)

    @broker.subscriber(
        asking.parts.topics.observations,
        group_id=f"{settings.kafka.prefix}loop-observation",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        auto_offset_reset="earliest",
        session_timeout_ms=int(settings.kafka.session_timeout.total_seconds() * 1000),
        decoder=as_it_came,
    )
    async def observe(record: ConsumerRecord) -> None:
        message = message_of(record)
        pieces = [(message, piece) for piece in read_observation(message, rules).evidence]
        for each in await asking.take(pieces):
            headers = {name: value.decode() for name, value in each.headers}
            await broker.publish(each.value, each.topic, key=each.key, partition=each.partition, headers=headers)

    await FastStream(broker).run()


asyncio.run(main())
