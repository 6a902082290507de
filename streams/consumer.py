"""A Faust consumer that delivers batches and commits only what was acknowledged.

It rests on private names of faust-streaming 0.15.3 (tests/streams/test_faust_contract.py); its traps: docs/faust.md.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams import metrics
from streams.batches import Batch
from streams.consumer_thread import BatchThread
from streams.gone import tell_gone
from streams.last_acts import last_act

log = structlog.get_logger()

_AHEAD = 2
"""Batches of a topic that may be delivered and not yet acknowledged."""


class BatchConsumer(driver.Consumer):
    """Yields one message a topic and fetch; its value is a `Batch`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = asyncio.Event()
        self._lost = False
        self._sent: dict[TP, deque[tuple[int, Batch]]] = {}
        self._done: dict[TP, int] = {}
        self._saved: dict[TP, int] = {}
        self._next: dict[TP, int] = {}
        self.seeks, self.sought = 0, frozenset[TP]()
        """How often it went back to what is committed, and the partitions for which that is known since."""

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch once and yield the records of each topic as one batch."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        if self._lost and not await self._found_again():
            return
        generation = self.app.consumer_generation_id
        fetched = await self._fetch(timeout)
        if not fetched or self.should_stop:
            return
        if self._lost or self._rebalanced(generation):
            self._lost = True  # dropped records must be answered by a seek that starts after this
            return
        topics: dict[str, list[tuple[TP, list[Any]]]] = {}
        for tp, records in fetched.items():
            topics.setdefault(tp.topic, []).append((driver.TP(*tp), records))
        for topic, parts in topics.items():
            if self._rebalanced(generation):
                return  # the rebalance seeks back by itself
            yield parts[0][0], self._deliver(topic, parts, generation)

    async def _found_again(self) -> bool:
        try:
            await self._seek_back()
        except KafkaError:
            self._lost = True
            await self.sleep(0.5)
        return not self._lost

    async def _fetch(self, timeout: float) -> Mapping[Any, list[Any]] | None:
        """Records of the topics that have room; waits for room, since Faust would sleep a second."""
        active = self._get_active_partitions()
        load: dict[str, set[int]] = {}
        self._room.clear()
        for tp, sent in self._sent.items():
            load.setdefault(tp.topic, set()).update(id(batch) for _, batch in sent if not batch.acked)
        free = {tp for tp in active if len(load.get(tp.topic, ())) < _AHEAD}
        some = len(free) < len(active)
        fetched: Mapping[Any, list[Any]] | None = None
        if free:
            fetched = await self._getmany(active_partitions=free, timeout=0.0 if some else timeout)
        if not fetched and (some or not free):
            await self.wait(self._room, timeout=0.01 if some else 0.2)
        return fetched

    def _rebalanced(self, generation: int) -> bool:
        return not self.flow_active or generation != self.app.consumer_generation_id

    def _deliver(self, topic: str, parts: list[tuple[TP, list[Any]]], generation: int) -> ConsumerMessage:
        batch = Batch(topic, parts, self._room, self._lose)
        batch.full = len(batch) >= self.app.pace.most
        for tp, records in parts:
            self._keep_up(tp, records)
            self._sent.setdefault(tp, deque()).append((records[-1].offset, batch))
        tp, records = parts[0]
        return ConsumerMessage(
            topic, tp.partition, records[-1].offset, records[0].timestamp / 1000, 0,
            None, None, batch, None, 0, 0, tp, generation_id=generation,
        )  # fmt: skip

    def _keep_up(self, tp: TP, records: list[Any]) -> None:
        """Know the next offset, and where they begin again: a topic was made anew, or lost its end.

        aiokafka then reads from the beginning; Faust would silently drop what is below the offset that it had reached.
        """
        expected, found = self._next.get(tp, 0), records[0].offset
        if found < expected:
            log.error("offsets_began_again", topic=tp.topic, partition=tp.partition, expected=expected, found=found)
            metrics.OFFSETS_AGAIN.labels(tp.topic).inc()
            for known in (self._sent, self._done, self._saved, self._committed_offset, self._read_offset):
                known.pop(tp, None)
        elif 0 < expected < found:
            self.add_future(tell_gone(self.earliest_offsets, tp, expected))
        self._next[tp] = records[-1].offset + 1

    def reached(self, tp: TP) -> int:
        """The offset up to which everything is acknowledged."""
        return max(self._new_offset(tp) or 0, self._saved.get(tp, 0), self._committed_offset.get(tp) or 0)

    def _lose(self) -> None:
        self._forget()  # what waits behind it is as old
        self._lost = True
        self._room.set()

    def _filter_tps_with_pending_acks(self, topics: Iterable[Any] | None = None) -> list[TP]:
        return [tp for tp in self._sent if topics is None or tp in topics or tp.topic in topics]

    def _new_offset(self, tp: TP) -> int | None:
        """The end of the acknowledged head: never past a record without an outcome."""
        sent = self._sent.get(tp)
        while sent and sent[0][1].acked:
            self._done[tp] = sent.popleft()[0] + 1
        return self._done.get(tp)

    def _should_commit(self, tp: TP, offset: int) -> bool:
        return offset > self._saved.get(tp, -1)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        committed: bool = await super()._commit(offsets)
        if committed:
            self._saved.update(offsets)
        return committed

    def _new_consumer_thread(self) -> Any:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Go back to what is committed, now or, where the broker does not answer, before the next fetch.

        After a rebalance Faust waits for this as long as for a request, and then gives up its role for good (trap 16).
        """
        try:
            await asyncio.wait_for(self._seek_back(), self.app.conf.broker_request_timeout / 2)
        except TimeoutError:
            self._lost = True

    async def _seek_back(self) -> None:
        """Go back to what is committed; a partition without a commit goes to its beginning."""
        self._lost = False
        self._forget()
        self._saved.clear()
        assigned = frozenset(self.assignment())
        await super().perform_seek()
        self._next = {tp: offset for tp, offset in self._committed_offset.items() if offset is not None}
        self.seeks, self.sought = self.seeks + 1, assigned
        fresh = [driver.TopicPartition(*tp) for tp in self.assignment() if self._committed_offset.get(tp) is None]
        if fresh:
            await self._thread.seek_to_beginning(*fresh)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Wait for the batches in work, commit them, and only then let Faust drop its state."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        end = time.monotonic() + self.app.conf.broker_rebalance_timeout / 2
        while time.monotonic() < end and self._in_work():
            await asyncio.sleep(0.005)
        await self.commit()
        self.sought = frozenset()
        self._forget()
        await super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        """Commit once more; Faust would wait for the broker, however long it is away."""
        await last_act("commit", super().on_stop())

    def _in_work(self) -> bool:
        return any(batch.begun and not batch.acked for sent in self._sent.values() for _, batch in sent)

    def _forget(self) -> None:
        for sent in self._sent.values():
            for _, batch in sent:
                batch.gone = True
        self._sent.clear()
        self._done.clear()
