"""A large message that was set aside is sent again like any other: what a worker may keep, a command can send."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.errors import Reason, Refused
from schemas.message import Message
from streams.dead_letters import DeadLetters
from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.reading import read_to_end
from streams.settings import Settings
from streams.topics import create_topics, named

pytestmark = pytest.mark.slow
LARGE = b" " * 20_000_000


async def lay(settings: Settings) -> None:
    """One letter that keeps a large message."""
    topics, kafka = named(settings.kafka.prefix), settings.places.kafka
    message = Message(topics.observations, 0, 0, b"k", LARGE, timestamp=datetime.now(UTC))
    refused = Refused(Reason.TOO_LARGE, "send it in parts")
    letter = DeadLetters(topics.dead_letters, "1").letter(message, refused, step="clinical", now=datetime.now(UTC))
    async with opened(admin(kafka, settings.kafka)) as client:
        await create_topics(client, topics, settings.kafka.partitions, 1)
    async with opened(writer(kafka, settings.kafka)) as producer:
        await producer.send_and_wait(letter.topic, letter.value, letter.key, 0, headers=letter.headers)


async def sent_again(settings: Settings) -> list[bytes | None]:
    topic = named(settings.kafka.prefix).observations
    async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
        return [message.value async for message in read_to_end(consumer, topic, [0])]


def test_a_letter_of_20_mb_is_replayed(fresh_settings: Any) -> None:
    asyncio.run(lay(fresh_settings.settings))
    program = (sys.executable, "-c", "from agents.cli import main; main()")
    done = subprocess.run(
        (*program, "dead-letters", "replay", "--all"),
        env=fresh_settings.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "replayed 1 of 1 letters\n"), done.stderr
    assert asyncio.run(sent_again(fresh_settings.settings)) == [LARGE]
