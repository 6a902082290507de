import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from faust.types import TP
from step_bench import batch_of

from schemas.errors import Reason, Refused
from streams.app import BatchApp
from streams.batches import message_of
from streams.consumer import BatchConsumer
from streams.dead_letters import DeadLetters
from streams.pace import Pace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def record(milliseconds: int, key: bytes | None = b"k", value: bytes | None = b"v") -> ConsumerRecord:
    return ConsumerRecord("in", 2, 40, milliseconds, 0, key, value, None, 1, 1, (("a", None),))


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        pytest.param(1_772_366_400_000, datetime(2026, 3, 1, 12, tzinfo=UTC), id="a-time"),
        pytest.param(-1, EPOCH, id="none-given"),
        pytest.param(-(10**15), EPOCH, id="long-before-year-1"),
        pytest.param(10**15, EPOCH, id="long-after-year-9999"),
        pytest.param(2**63 - 1, EPOCH, id="the-greatest-that-kafka-holds"),
    ],
)
def test_a_record_has_a_time_whatever_its_sender_gave(milliseconds: int, expected: datetime) -> None:
    assert message_of(record(milliseconds)).timestamp == expected


@pytest.mark.parametrize("gone", [False, True], ids=["still-here", "gone"])
def test_a_dropped_batch_is_read_again_once(gone: bool) -> None:
    """One that is gone is on its way already; to seek for it again would take the batches that came since."""
    sought: list[bool] = []
    batch = batch_of(1, lambda: sought.append(True))
    batch.gone = gone
    batch.drop()
    assert sought == [True] * (not gone)


def test_what_the_consumer_forgets_is_gone() -> None:
    async def forgotten() -> tuple[bool, bool]:
        app = BatchApp("forgets", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False)
        consumer, before, after = app._new_consumer(), batch_of(1), batch_of(1)
        consumer._sent = {TP("in", 2): deque([(40, before)])}
        consumer._forget()
        consumer._sent = {TP("in", 2): deque([(40, after)])}
        return before.gone, after.gone

    assert asyncio.run(forgotten()) == (True, False)


class Thread:
    """The thread that Faust's consumer reads in, up to where a rebalance has come: partitions, and offsets or none."""

    def __init__(self) -> None:
        self.assigned: set[TP] = set()
        self.seen: list[set[int]] = []
        self.look: Callable[[], set[int]] = set

    def assignment(self) -> set[TP]:
        return self.assigned

    async def seek_to_committed(self) -> Mapping[TP, int]:
        self.seen.append(self.look())
        return dict.fromkeys(self.assigned, 40)


def test_a_partition_is_not_owned_before_it_is_known_what_was_committed_of_it() -> None:
    """Else a cache that was emptied would be taken for true: nothing committed, nothing to hold."""

    async def rebalanced() -> None:
        app = BatchApp("owns", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False)
        thread = Thread()
        app.consumer._thread = thread
        thread.look = lambda: app.assigned("in")
        thread.assigned = {TP("in", 2)}
        assert app.assigned("in") == set()
        await app.consumer.perform_seek()
        assert thread.seen == [set()]
        assert (app.assigned("in"), app.committed("in", 2)) == ({2}, 40)
        before = app.takeovers
        thread.assigned = {TP("in", 2), TP("in", 3)}
        assert app.assigned("in") == {2}
        await app.consumer.perform_seek()
        assert (app.assigned("in"), app.committed("in", 3)) == ({2, 3}, 40)
        assert app.takeovers > before

    asyncio.run(rebalanced())


class Dropping(BatchConsumer):
    """A consumer whose agent drops a batch while the next is fetched."""

    async def _fetch(self, timeout: float) -> Mapping[Any, list[Any]]:
        self._lose()
        return {TP("in", 2): [record(0)]}


def test_with_a_dropped_batch_goes_all_that_was_fetched_before_the_seek() -> None:
    async def dropped() -> tuple[bool, list[Any]]:
        app = BatchApp("drops", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False)
        app.pace = Pace(1, 1)
        listeners = (app.topics.on_message, app._on_partitions_revoked, app._on_partitions_assigned)
        consumer, waiting = Dropping(app.transport, *listeners), batch_of(1)
        consumer._sent = {TP("in", 2): deque([(40, waiting)])}
        delivered = [message async for message in consumer.getmany(1.0)]
        return waiting.gone, delivered

    assert asyncio.run(dropped()) == (True, [])


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        pytest.param(None, None, b"", id="neither-cannot-be-sent"),
        pytest.param(None, b"v", None, id="no-key"),
        pytest.param(b"k", None, b"k", id="no-value"),
    ],
)
def test_a_dead_letter_has_the_original_key_unless_it_could_not_be_sent_then(
    key: bytes | None, value: bytes | None, kept: bytes | None
) -> None:
    refused = Refused(Reason.NOTHING_TO_READ, "no value; send one")
    letter = DeadLetters("letters", "1").letter(message_of(record(0, key, value)), refused, step="clinical", now=EPOCH)
    assert (letter.key, letter.value) == (kept, value)
    assert letter.headers[0] == ("a", None)
