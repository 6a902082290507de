"""The thread that Faust's consumer reads in, on private names of Faust as streams/consumer.py is."""

import asyncio
from typing import Any

from faust.transport.drivers import aiokafka as driver

from streams.last_acts import last_act
from streams.reconnect import keep_in_touch

_FETCH_WAIT_MS = 100
"""Faust's own 1500 ms makes a drained partition wait for the long poll of idle ones (2x slower, measured)."""


class BatchThread(driver.AIOKafkaConsumerThread):
    """The thread that Faust's consumer reads in, with a short long poll and batches of the role's pace."""

    _in_touch: "asyncio.Task[None] | None" = None

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        return await super()._fetch_records(consumer, active_partitions, timeout, self.consumer.app.pace.most)

    async def on_start(self) -> None:
        """Connect, and stay in touch with brokers that move."""
        await super().on_start()
        self._in_touch = asyncio.create_task(keep_in_touch(self._ensure_consumer()._client))

    async def on_thread_stop(self) -> None:
        """Leave the group and close; without its broker Faust would never hear from the thread again."""
        if self._in_touch is not None:
            self._in_touch.cancel()
        await last_act("leave the group", super().on_thread_stop())
