"""A broker that comes back under another address, as the bootstrap servers say."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.local.broker import start_broker
from deploy.local.ports import HOST, free_port
from streams.app import BatchStream, role_app
from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.publisher import Outgoing, Publisher
from streams.reading import read_to_end
from streams.settings import Settings
from streams.topics import create_topics, named

pytestmark = pytest.mark.slow


async def moved(settings: Settings, home: Path, ports: tuple[int, int], environ: dict[str, str]) -> list[bytes | None]:
    """What a role has published of what it read, before its broker moved and after."""
    kafka, topics = settings.kafka, named(settings.kafka.prefix)
    app = role_app("clinical", settings, heavy=False)
    publisher, done = Publisher(app.producer), asyncio.Event()

    @app.listens(topics.observations, name="clinical")
    async def clinical(batches: BatchStream) -> None:
        async for batch in batches:
            sent = [Outgoing(topics.results, message.key, message.value, 0) for message in batch]
            await publisher.publish(sent)
            batch.ack()
            done.set()

    async def send(value: bytes) -> None:
        async with opened(writer(settings.places.kafka, kafka)) as producer:
            await producer.send_and_wait(topics.observations, value, b"k")

    broker = await asyncio.to_thread(start_broker, home, port=ports[0], environ=environ)
    try:
        async with opened(admin(settings.places.kafka, kafka)) as client:
            await create_topics(client, topics, kafka.partitions, 1)
        await app.start()
        await send(b"before")
        await asyncio.wait_for(done.wait(), 30)
        done.clear()
        await asyncio.to_thread(broker.stop)
        broker = await asyncio.to_thread(start_broker, home, port=ports[1], environ=environ)
        await send(b"after")
        await asyncio.wait_for(done.wait(), 60)
        async with opened(reader(settings.places.kafka, kafka)) as consumer:
            return [message.value async for message in read_to_end(consumer, topics.results, [0])]
    finally:
        await app.stop()
        await asyncio.to_thread(broker.stop)


def test_a_role_goes_on_when_its_broker_is_found_at_another_address(
    fresh_settings: Any, tmp_path: Path, java_environ: dict[str, str]
) -> None:
    ports = free_port(), free_port()
    settings = fresh_settings.settings
    bootstrap = ",".join(f"{HOST}:{port}" for port in ports)
    settings = replace(settings, places=settings.places.model_copy(update={"kafka": bootstrap}))
    said = asyncio.run(moved(settings, tmp_path / "moving", ports, java_environ))
    assert said[0] == b"before"
    assert said[-1] == b"after"
