"""What an agent gets as one event: all records of one topic that one fetch returned, acknowledged together.

Why batches, and what Faust does otherwise: docs/faust.md.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import faust
from faust.types import TP

from schemas.message import Message


class Batch:
    """Records of one topic, in order within each partition. Only `ack` makes their offsets committable."""

    def __init__(
        self, topic: str, records: list[tuple[TP, list[Any]]], room: asyncio.Event, lose: Callable[[], None]
    ) -> None:
        self.topic = topic
        self.last_offsets = {tp.partition: part[-1].offset for tp, part in records}
        self.first_offsets = {tp.partition: part[0].offset for tp, part in records}
        self.begun = False
        self.acked = False
        self.full = False
        self.gone = False
        """Its records will be read again, here or elsewhere: `ack` is void, and nothing more may be published."""
        self._records = records
        self._room = room
        self._lose = lose

    def __len__(self) -> int:
        """How many records this batch holds."""
        return sum(len(part) for _, part in self._records)

    def __iter__(self) -> Iterator[Message]:
        """The records as messages. From here on a rebalance waits a while for `ack`."""
        self.begun = True
        for _, part in self._records:
            for record in part:
                yield message_of(record)

    def ack(self) -> None:
        """Every record has an outcome that is durable: the offsets may be committed."""
        self.acked = True
        self._records = []
        self._room.set()

    def drop(self) -> None:
        """Nothing was done with these records: read them again, here or wherever they belong now."""
        self.begun = False
        if not self.gone:
            self._lose()


class BatchSchema(faust.Schema):
    """No codec: the batch passes through Faust as it is."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """Give the key as it came (a batch has none)."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """Give the batch as it came."""
        return message.value


def message_of(record: Any) -> Message:
    """An aiokafka record as a message."""
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        timestamp=_moment(record.timestamp),
    )


def _moment(milliseconds: int) -> datetime:
    """When the record was written; 1970 where its sender gave a number that is no date: Kafka takes any below zero."""
    try:
        return datetime.fromtimestamp(max(0, milliseconds) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
