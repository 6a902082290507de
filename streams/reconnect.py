"""Brokers that come back under other addresses: aiokafka asks its bootstrap servers once, at start, and never again.

A client all of whose brokers are gone for good would otherwise try their old addresses for as long as it lives.
"""

import asyncio
from typing import Any

import structlog
from aiokafka.errors import KafkaConnectionError

log = structlog.get_logger()

_LOOK_SECONDS = 10.0


async def keep_in_touch(client: Any) -> None:
    """Ask the bootstrap servers (names looked up anew) whenever none of the known brokers answers; until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if await client.force_metadata_update():
            continue
        try:
            await client.bootstrap()
        except KafkaConnectionError:
            continue  # nobody is there yet
        log.info("brokers_found_again")
        await client.force_metadata_update()
