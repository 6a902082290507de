"""Read a batch in which a header's name is not UTF-8: on the wire a name is bytes, and Kafka takes any.

aiokafka decodes names strictly. For one that it cannot decode it refuses the whole batch, good records included, and
again at every start. Here such a batch, and what was fetched with it, is decoded once more, with what is no text in a
name spelled out: `caf\\xe9`, a backslash and all. Spelled so, a name can be shown and written again, and is none of
those that we look for. Until a batch is refused, aiokafka's parser in C alone reads, at its price.

It rests on private names of aiokafka 0.14.0; tests/streams/test_header_names.py holds them.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from aiokafka.record.util import decode_varint_py
from aiokafka.structs import ConsumerRecord

_HEAD = Struct(">qi11xi")
"""Of a batch: its first offset, the bytes behind these two numbers, and how far its last offset is from its first."""
_UNCOUNTED_BYTES = 12


def read_any_header_name() -> None:
    """Let every consumer of this process read such batches: aiokafka can be told so for all of them, not for one."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = Fetched, AnyNames


class Fetched(MemoryRecords):
    """The batches of one partition that one fetch brought, and their bytes, should they have to be read again."""

    def __init__(self, written: bytes) -> None:
        super().__init__(written)
        self.written = written


class AnyNames(fetcher.PartitionRecords):
    """The records of one partition that one fetch brought, each once, whatever their headers are called."""

    _records: Any

    def _unpack_records(self) -> Iterator[ConsumerRecord]:
        try:
            yield from super()._unpack_records()
        except (UnicodeDecodeError, CorruptRecordException) as error:
            if not isinstance(error.__cause__ or error, UnicodeDecodeError):  # the parser in Python wraps it
                raise
            self._records = _SpelledBatches(_since(self.next_fetch_offset, self._records.written))
            yield from super()._unpack_records()


def _since(offset: int, written: bytes) -> bytes:
    """The batches from the one on that has this offset: what came before has been read."""
    place = 0
    while place + _HEAD.size <= len(written):
        first, length, last = _HEAD.unpack_from(written, place)
        if first + last >= offset:
            return written[place:]
        place += _UNCOUNTED_BYTES + length
    raise CorruptRecordException("a record's offset lies beyond its batch")


class _SpelledBatches(_MemoryRecordsPy):
    """Batches of today's format, the only one with headers; our brokers send no other beside it."""

    def next_batch(self) -> Any:
        """The next batch, not decoded yet."""
        written = self._next_slice
        self._cache_next()
        return _SpelledBatch(written)


class _SpelledBatch(_DefaultRecordBatchPy):
    """A batch read by aiokafka's parser in Python, which lets the bytes themselves decode what is text."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Spelled(self._buffer)

    def _read_msg(self, _: Any = None) -> Any:
        return super()._read_msg(decode_varint_py)  # the one in C, its default, reads beyond a damaged batch's end


class _Spelled(bytearray):
    """Bytes of which every slice is text."""

    def __getitem__(self, place: Any) -> Any:
        return _Spelled(memoryview(self)[place]) if isinstance(place, slice) else super().__getitem__(place)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Text, with what is none spelled out."""
        return super().decode(encoding, "backslashreplace")
