"""Notice that this process stood still for longer than its Kafka session lasts.

A frozen worker that wakes holds work that others have taken over. It must not publish what it computed before:
a result that is older than the patient's last one would become the newest record of its key.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux has a clock of its own that goes on in a suspended machine; on macOS it is this of POSIX that does."""


def unsuspended() -> float:
    """Seconds that go on while the machine is suspended, as those of `time.monotonic` do not.

    A virtual machine that its host pauses, with all its clocks, cannot be noticed so.
    """
    return time.clock_gettime(_CLOCK)


class Pulse:
    """Counts the lapses: gaps between two beats that are longer than the session."""

    def __init__(self, session_timeout: timedelta, clock: Callable[[], float] = unsuspended) -> None:
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
