"""A broker that stops answering just when it has given a role its partitions."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.servers import LocalServers
from streams.app import BatchStream, role_app
from streams.kafka import admin, writer
from streams.opened import opened
from streams.settings import Settings
from streams.topics import create_topics, named

pytestmark = pytest.mark.slow

REQUEST_SECONDS = 2.0
"""How long Faust waits for an answer: 90 s in service."""


async def read_behind_an_outage(settings: Settings, broker: int) -> None:
    """Return when a role reads what was sent, whose broker is frozen from its assignment on for two requests."""
    topics, read, frozen = named(settings.kafka.prefix), asyncio.Event(), asyncio.Event()
    async with opened(admin(settings.places.kafka, settings.kafka)) as client:
        await create_topics(client, topics, settings.kafka.partitions, 1)
    async with opened(writer(settings.places.kafka, settings.kafka)) as producer:
        await producer.send_and_wait(topics.imaging, b"v")
    app = role_app("imaging", settings, heavy=True)
    app.conf.broker_request_timeout = REQUEST_SECONDS

    @app.listens(topics.imaging, name="imaging")
    async def imaging(batches: BatchStream) -> None:
        async for batch in batches:
            read.set()
            batch.ack()

    @app.on_partitions_assigned.connect
    async def away(*_: Any, **__: Any) -> None:
        if not frozen.is_set():
            frozen.set()
            os.kill(broker, signal.SIGSTOP)
            asyncio.get_running_loop().call_later(2 * REQUEST_SECONDS, os.kill, broker, signal.SIGCONT)

    starting = asyncio.create_task(app.start())
    try:
        await asyncio.wait_for(read.wait(), 30)
        assert frozen.is_set()
    finally:
        await app.stop()
        await asyncio.wait({starting}, timeout=5)


def test_a_broker_that_is_away_when_a_role_seeks_does_not_end_the_role(
    fresh_settings: Any, servers: LocalServers
) -> None:
    session = timedelta(seconds=REQUEST_SECONDS)
    settings = fresh_settings.settings
    settings = replace(settings, kafka=settings.kafka.model_copy(update={"session_timeout": session}))
    asyncio.run(read_behind_an_outage(settings, servers.broker.pid))
