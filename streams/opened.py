"""A Kafka client for a while: closed whatever happens, its start included."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from streams.last_acts import last_act

Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer, AIOKafkaAdminClient)


@asynccontextmanager
async def opened(client: Client, within_seconds: float | None = None) -> AsyncIterator[Client]:
    """The client, started within so many seconds or TimeoutError. Closing it neither hangs nor cancels us.

    The `async with` of aiokafka leaves a client unclosed whose start failed. What a producer has still to send is
    given up after a while: flush it before the end.
    """
    try:
        await asyncio.wait_for(client.start(), within_seconds)
        yield client
    finally:
        await last_act("close a client", client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
