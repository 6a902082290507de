"""Read a topic as far as it goes now, without a consumer group."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.message import Message
from streams.batches import message_of


async def read_to_end(
    consumer: AIOKafkaConsumer,
    topic: str,
    partitions: Sequence[int],
    *,
    since: Mapping[int, int] = MappingProxyType({}),
    until: int | None = None,
) -> AsyncIterator[Message]:
    """Every record of these partitions that is there now: from offset `since` of each, and below `until`."""
    wanted = [TopicPartition(topic, partition) for partition in partitions]
    if not wanted:
        return
    consumer.assign(wanted)
    ends = await consumer.end_offsets(wanted)
    if until is not None:
        ends = {tp: min(end, until) for tp, end in ends.items()}
    for tp, start in (await consumer.beginning_offsets(wanted)).items():
        consumer.seek(tp, max(start, since.get(tp.partition, 0)))
    open_ = {tp for tp in wanted if await consumer.position(tp) < ends[tp]}
    while open_:
        for tp, records in (await consumer.getmany(*open_, timeout_ms=500, max_records=1000)).items():
            for record in records:
                if record.offset < ends[tp]:
                    yield message_of(record)
        open_ = {tp for tp in open_ if await consumer.position(tp) < ends[tp]}
