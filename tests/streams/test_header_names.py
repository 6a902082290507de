"""A batch with a header name that is no text is read whole; and every name of aiokafka that this rests on, as 0.14.0
has it."""

import inspect
import struct
from contextlib import suppress
from importlib.metadata import version
from random import Random
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from aiokafka.record.util import calc_crc32c, decode_varint_py
from aiokafka.structs import TopicPartition
from raw_names import NO_TEXT, SPELLED, Raw, batch_of

from streams.app import BatchApp
from streams.header_names import AnyNames, Fetched, read_any_header_name
from streams.kafka import reader

GOOD: Raw = (b"k", b"good", [(b"ce_id", b"1"), ("größe".encode(), None)])
BAD: Raw = (None, b"bad" * 100, [(b"ce_id", b"2"), (NO_TEXT, b"\xff"), (NO_TEXT, None)])
ERASURE: Raw = (b"k", None, [])
NONE, GZIP = 0, 1


class BoundedBatch(_DefaultRecordBatchPy):
    """A batch read without a line of C: beside it, `decode_varint` in C would read beyond a damaged batch's end."""

    def _read_msg(self, _: Any = None) -> Any:
        return super()._read_msg(decode_varint_py)


class InPython(_MemoryRecordsPy):
    """A fetch where aiokafka has no parser but the one in Python."""

    def __init__(self, written: bytes) -> None:
        super().__init__(written)
        self.written = written

    def next_batch(self) -> Any:
        written = self._next_slice
        self._cache_next()
        return BoundedBatch(written)


def read(written: bytes, *, since: int = 0, fetched: type = Fetched) -> list[Any]:
    """What a consumer gets of a fetch from offset `since` on."""
    place, isolation = TopicPartition("t", 0), fetcher.READ_COMMITTED
    return list(AnyNames(place, fetched(written), [], since, None, None, True, isolation))


def as_sent(records: list[Any]) -> list[Raw]:
    return [(each.key, each.value, [(name.encode(), value) for name, value in each.headers]) for each in records]


def spelled(record: Raw) -> Raw:
    key, value, headers = record
    return key, value, [(SPELLED.encode() if name == NO_TEXT else name, said) for name, said in headers]


def test_aiokafka_refuses_such_a_batch_and_the_records_behind_it() -> None:
    """Where this fails, aiokafka reads names by itself: streams/header_names.py can go."""
    strict = iter(MemoryRecords(batch_of([GOOD, BAD, GOOD])).next_batch())
    assert next(strict).value == b"good"
    for _ in range(2):
        with pytest.raises(UnicodeDecodeError):
            next(strict)


@pytest.mark.parametrize("fetched", [Fetched, InPython])
@pytest.mark.parametrize("compression", [NONE, GZIP])
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([GOOD, BAD, GOOD], id="between-good-ones"),
        pytest.param([BAD], id="alone"),
        pytest.param([BAD, GOOD, BAD], id="first-and-last"),
        pytest.param([GOOD, ERASURE], id="none"),
    ],
)
def test_every_record_of_a_batch_is_read_once_and_in_order(sent: list[Raw], compression: int, fetched: type) -> None:
    found = read(batch_of(sent, first=7, compression=compression), fetched=fetched)
    assert as_sent(found) == [spelled(each) for each in sent]
    assert [each.offset for each in found] == [7 + number for number in range(len(sent))]
    assert {each.timestamp for each in found} == {1000}


def test_the_batches_around_it_are_read_as_ever() -> None:
    batches = [[GOOD, ERASURE], [GOOD, BAD], [GOOD], [BAD, GOOD]]
    firsts = [10, 12, 20, 21]  # compaction leaves gaps
    data = b"".join(batch_of(sent, first=first) for sent, first in zip(batches, firsts, strict=True))
    found = read(data + batch_of([GOOD], first=30)[:50], since=11)  # a fetch may end within a batch
    assert [each.offset for each in found] == [11, 12, 13, 20, 21, 22]
    assert as_sent(found) == [spelled(each) for sent in batches for each in sent][1:]


def test_a_fetch_may_begin_within_such_a_batch() -> None:
    assert [each.offset for each in read(batch_of([GOOD, BAD, GOOD, BAD], first=7), since=9)] == [9, 10]


def test_a_fetch_without_such_a_name_is_read_by_the_parser_in_c_alone() -> None:
    assert Fetched.next_batch is MemoryRecords.next_batch
    assert isinstance(Fetched(batch_of([GOOD])).next_batch(), DefaultRecordBatch)
    assert DefaultRecordBatch is not _DefaultRecordBatchPy


@pytest.mark.parametrize("sent", [GOOD, BAD])
@pytest.mark.parametrize("fetched", [Fetched, InPython])
def test_a_batch_that_is_damaged_is_refused_as_ever(sent: Raw, fetched: type) -> None:
    damaged = bytearray(batch_of([sent]))
    damaged[-1] ^= 1
    with pytest.raises(CorruptRecordException, match="CRC"):
        read(bytes(damaged), fetched=fetched)
    struct.pack_into(">i", damaged, 57, 2)  # two records are said to be there
    struct.pack_into(">I", damaged, 17, calc_crc32c(bytes(damaged[21:])))
    with pytest.raises(CorruptRecordException):
        read(bytes(damaged), fetched=fetched)


def test_damage_of_any_kind_is_refused_and_never_read_beyond_the_end() -> None:
    """With the C parser's own way of reading numbers a batch that says too much of itself ended the process."""
    random, whole = Random(0), batch_of([GOOD, BAD, GOOD, BAD])
    for _ in range(2000):
        damaged = bytearray(whole)
        for place in random.choices(range(61, len(damaged)), k=3):
            damaged[place] = random.randrange(256)
        struct.pack_into(">I", damaged, 17, calc_crc32c(bytes(damaged[21:])))
        with suppress(CorruptRecordException):
            read(bytes(damaged))


def test_a_batch_of_an_old_format_has_no_headers_and_is_read_as_ever() -> None:
    old = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=1000)
    old.append(0, timestamp=1000, key=b"k", value=b"old")
    assert [each.value for each in read(bytes(old.build()))] == [b"old"]


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("aiokafka") == "0.14.0"


def test_their_fetcher_reads_through_the_two_names_that_we_replace() -> None:
    text = inspect.getsource(fetcher.Fetcher)
    assert "records = MemoryRecords(part_data[-1])" in text
    assert "partition_records = PartitionRecords(\n" in text
    assert fetcher.Fetcher.__init__.__globals__ is vars(fetcher)


def test_their_partition_unpacks_by_the_method_that_we_override_and_knows_how_far_it_is() -> None:
    (theirs,) = AnyNames.__bases__
    assert inspect.isgeneratorfunction(theirs._unpack_records)
    assert "self._records_iterator = self._unpack_records()" in inspect.getsource(theirs.__init__)
    text = inspect.getsource(theirs._unpack_records)
    for line in (
        "records = self._records\n",
        "next_batch = records.next_batch()",
        "if record.offset < self.next_fetch_offset:",
        "self.next_fetch_offset = record.offset + 1",
        "self.next_fetch_offset = next_batch.next_offset",
    ):
        assert line in text


def test_their_parser_in_python_decodes_slices_of_its_buffer() -> None:
    assert ".decode(" in (text := inspect.getsource(_DefaultRecordBatchPy._read_msg))
    assert text.count(".decode(") == text.count('buffer[pos : pos + h_key_len].decode("utf-8")') == 1
    assert "self._maybe_uncompress()" in inspect.getsource(_DefaultRecordBatchPy.__iter__)
    assert "msg = self._read_msg()" in inspect.getsource(_DefaultRecordBatchPy.__next__)
    assert list(inspect.signature(_DefaultRecordBatchPy._read_msg).parameters) == ["self", "decode_varint"]
    assert {"_next_slice", "_cache_next"} <= vars(_MemoryRecordsPy(batch_of([GOOD]))).keys() | vars(_MemoryRecordsPy)


def test_whoever_makes_a_consumer_here_has_made_it_read_any_name() -> None:
    for makes in (reader, BatchApp._new_transport):
        assert "    read_any_header_name()\n" in inspect.getsource(makes)
    read_any_header_name()
    assert (fetcher.MemoryRecords, fetcher.PartitionRecords) == (Fetched, AnyNames)
