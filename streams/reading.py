"""Read a topic as far as it goes now, without a consumer group."""

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.message import Message
from streams.batches import message_of


async def read_to_end(
    consumer: AIOKafkaConsumer, topic: str, partitions: list[int] | None = None, *, until: int | None = None
) -> AsyncIterator[Message]:
    """Every record of the topic's partitions that is there now; with `until`, only offsets below it."""
    chosen = partitions if partitions is not None else sorted(consumer.partitions_for_topic(topic) or ())
    wanted = [TopicPartition(topic, partition) for partition in chosen]
    if not wanted:
        return
    consumer.assign(wanted)
    ends = await consumer.end_offsets(wanted)
    if until is not None:
        ends = {tp: min(end, until) for tp, end in ends.items()}
    await consumer.seek_to_beginning(*wanted)
    open_ = {tp for tp in wanted if await consumer.position(tp) < ends[tp]}
    while open_:
        for tp, records in (await consumer.getmany(*open_, timeout_ms=500, max_records=1000)).items():
            for record in records:
                if record.offset < ends[tp]:
                    yield message_of(record)
        open_ = {tp for tp in open_ if await consumer.position(tp) < ends[tp]}
