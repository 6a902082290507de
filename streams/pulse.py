"""Notice that this process stood still for longer than its Kafka session lasts.

A frozen worker that wakes holds work that others have taken over. It must not publish what it computed before:
a result that is older than the patient's last one would become the newest record of its key.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta


class Pulse:
    """Counts the lapses: gaps between two beats that are longer than the session."""

    def __init__(self, session_timeout: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = session_timeout.total_seconds()
        self._clock = clock
        self._last = clock()
        self._lapses = 0

    @property
    def lapses(self) -> int:
        """How often this process has slept past its session, up to this moment."""
        self.beat()
        return self._lapses

    def beat(self) -> None:
        """Say that the process is running."""
        now = self._clock()
        if now - self._last > self._limit:
            self._lapses += 1
        self._last = now

    async def keep(self) -> None:
        """Beat until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(self._limit / 10)
