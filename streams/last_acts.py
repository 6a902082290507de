"""The last acts of a role that stops, each for a bounded time: a broker that is gone must not keep a worker alive.

Flush, commit, leave the group: none of them makes anything durable that was acknowledged. An act that is given up
means that records are read again, or that the group notices only after the session timeout.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

LAST_ACT_SECONDS = 1.5
"""A broker that is there answers in milliseconds. A role has at most four such acts."""


async def last_act(name: str, act: Coroutine[Any, Any, None]) -> None:
    """Wait so long for `act` and no longer. It may not heed its cancellation, so that is not waited for."""
    task = asyncio.create_task(act)
    done, _ = await asyncio.wait({task}, timeout=LAST_ACT_SECONDS)
    if not done:
        task.cancel()
        log.warning("stopped_without", act=name)
    elif not task.cancelled():  # aiokafka's fetcher cancels itself when it is closed without its broker
        task.result()
