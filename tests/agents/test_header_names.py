"""Topics with a header name that is no text, as a command reads them."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from raw_names import NO_TEXT, SPELLED, write_batch

from agents.letters import REPLAYED
from schemas.errors import Reason, Refused
from schemas.message import Message
from streams.dead_letters import DeadLetters
from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.reading import read_to_end
from streams.recovery import rebuilt_states
from streams.settings import Settings
from streams.topics import create_topics, named

pytestmark = pytest.mark.slow
ODD = [(b"k", b"odd", [(NO_TEXT, b"\xff")]), (b"k", b"plain", [(b"n", b"v")])]


def command(env: dict[str, str], *args: str) -> str:
    main = (sys.executable, "-c", "from agents.cli import main; main()")
    done = subprocess.run((*main, *args), env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


async def read(settings: Settings, topic: str) -> list[Message]:
    async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
        return [message async for message in read_to_end(consumer, topic, [0])]


async def lay(settings: Settings) -> None:
    """Odd records in every topic that commands read, and a letter for the first of the inputs."""
    topics, kafka = named(settings.kafka.prefix), settings.places.kafka
    async with opened(admin(kafka, settings.kafka)) as client:
        await create_topics(client, topics, settings.kafka.partitions, 1)
    for topic in (topics.observations, topics.evidence, topics.requests, topics.results, topics.dead_letters):
        await write_batch(kafka, topic, ODD)
    (message, _) = await read(settings, topics.observations)
    refused = Refused(Reason.NOT_JSON, "send JSON")
    letter = DeadLetters(topics.dead_letters, "1").letter(message, refused, step="clinical", now=datetime.now(UTC))
    async with opened(writer(kafka, settings.kafka)) as producer:
        await producer.send_and_wait(letter.topic, letter.value, letter.key, 0, headers=letter.headers)


def test_a_letter_that_keeps_such_a_record_is_shown_and_sent_again(fresh_settings: Any) -> None:
    settings, env = fresh_settings.settings, fresh_settings.env
    topic = named(settings.kafka.prefix).observations
    asyncio.run(lay(settings))
    (row,) = (json.loads(line) for line in command(env, "dead-letters", "list", "--json").splitlines())
    assert json.loads(command(env, "dead-letters", "show", row["id"], "--json"))["headers"] == {SPELLED: "\ufffd"}
    assert command(env, "dead-letters", "replay", row["id"]) == "replayed 1 of 1 letters\n"
    last = asyncio.run(read(settings, topic))[-1]
    assert (last.key, last.value) == (b"k", b"odd")
    assert last.headers == ((SPELLED, b"\xff"), (REPLAYED, f"{topic}/0/0".encode()))
    assert command(env, "dead-letters", "dismiss", row["id"]).startswith("dismissed 1 letters")


def test_results_are_listed_and_a_cache_is_built_past_such_a_record(fresh_settings: Any) -> None:
    settings = fresh_settings.settings

    async def visit() -> int:
        await lay(settings)
        topics, now = named(settings.kafka.prefix), datetime.now(UTC)
        states, asked = await rebuilt_states(settings, topics, 0, until=2, now=now, progress=lambda *_: None)
        assert not states
        return asked

    assert asyncio.run(visit()) == 2
    assert command(fresh_settings.env, "results", "--json") == ""
