"""Records with headers whose names are any bytes, as a producer in another language writes them."""

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streams.opened import opened

NO_TEXT = b"caf\xe9-\xff"
"""A name in Latin-1 and worse."""
SPELLED = r"caf\xe9-\xff"

Raw = tuple[bytes | None, bytes | None, Sequence[tuple[bytes, bytes | None]]]
"""Key, value, headers."""


class Name(str):
    """A header's name that is written as these bytes."""

    def __new__(cls, written: bytes) -> "Name":
        name = super().__new__(cls)
        name.written = written
        return name

    written: bytes

    def encode(self, *_: str) -> bytes:
        return self.written


def builder(compression: int = 0) -> Any:
    """aiokafka's own builder of batches, the one in Python: it asks a name for its bytes."""
    return _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1 << 20)


def batch_of(records: Sequence[Raw], *, first: int = 0, compression: int = 0) -> bytes:
    """One batch as a broker keeps it, from offset `first` on."""
    made = builder(compression)
    for number, (key, value, headers) in enumerate(records):
        made.append(number, 1000, key, value, [(Name(name), said) for name, said in headers])
    return first.to_bytes(8) + bytes(made.build())[8:]  # the broker sets the offset, which no checksum covers


async def write_batch(bootstrap: str, topic: str, records: Sequence[Raw]) -> list[tuple[str, int, int]]:
    """Write these to partition 0 in one batch; gives where each of them is."""
    async with opened(AIOKafkaProducer(bootstrap_servers=bootstrap)) as producer:
        batch = producer.create_batch()
        batch._builder = builder()
        for key, value, headers in records:
            batch.append(timestamp=None, key=key, value=value, headers=[(Name(name), said) for name, said in headers])
        done = await (await producer.send_batch(batch, topic, partition=0))
    return [(done.topic, done.partition, done.offset + number) for number in range(len(records))]
