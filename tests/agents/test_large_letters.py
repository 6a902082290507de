"""A large message that was set aside is sent again like any other; a record that no broker takes ends its worker."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.admin import NewTopic

from schemas.errors import Reason, Refused
from schemas.evidence import Modality, Origin, evidence
from schemas.ids import partition_of
from schemas.message import Message
from schemas.tokens import ObservationToken
from streams.dead_letters import DeadLetters
from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.reading import read_to_end
from streams.settings import Settings
from streams.topics import LARGEST_RECORD, create_topics, named

pytestmark = pytest.mark.slow
LARGE = b" " * 20_000_000
PROGRAM = (sys.executable, "-c", "from agents.cli import main; main()")


async def lay(settings: Settings, value: bytes) -> None:
    """One letter of a large message, which keeps it if it can."""
    topics, kafka = named(settings.kafka.prefix), settings.places.kafka
    message = Message(topics.observations, 0, 0, b"k", value, timestamp=datetime.now(UTC))
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


def replay_all(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = (*PROGRAM, "dead-letters", "replay", "--all")
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_letter_of_20_mb_is_replayed(fresh_settings: Any) -> None:
    asyncio.run(lay(fresh_settings.settings, LARGE))
    done = replay_all(fresh_settings.env)
    assert (done.returncode, done.stdout) == (0, "replayed 1 of 1 letters\n"), done.stderr
    assert asyncio.run(sent_again(fresh_settings.settings)) == [LARGE]


def test_a_letter_that_keeps_no_message_is_not_replayed_and_still_open(fresh_settings: Any) -> None:
    """An empty record was sent in its place, and the letter marked as replayed."""
    asyncio.run(lay(fresh_settings.settings, b" " * LARGEST_RECORD))
    for _ in range(2):
        done = replay_all(fresh_settings.env)
        assert (done.returncode, done.stdout) == (0, "replayed 0 of 1 letters\n"), done.stderr
        assert "keeps no message" in done.stderr
    assert asyncio.run(sent_again(fresh_settings.settings)) == []


async def lay_narrow(settings: Settings) -> None:
    """Evidence of a patient, and a topic of requests that takes none as large as his."""
    topics, kafka = named(settings.kafka.prefix), settings.places.kafka
    piece = evidence(
        patient="p-1", modality=Modality.CLINICAL, source="s", version="v1", occurred_at=datetime.now(UTC),
        tokens=[ObservationToken(code="c" * 2000, value=1.0, at=datetime.now(UTC))],
        origin=Origin(topic="in", partition=0, offset=0),
    )  # fmt: skip
    narrow = NewTopic(topics.requests, settings.kafka.partitions, 1, topic_configs={"max.message.bytes": "1000"})
    async with opened(admin(kafka, settings.kafka)) as client:
        await client.create_topics([narrow])
        await create_topics(client, topics, settings.kafka.partitions, 1)
    async with opened(writer(kafka, settings.kafka)) as producer:
        home, ahead = partition_of(piece.patient, settings.kafka.partitions), datetime.now(UTC) + timedelta(hours=1)
        stamp = int(ahead.timestamp() * 1000)  # counts as the moment when it is read: the deadline is still to come
        await producer.send_and_wait(topics.evidence, piece.to_json(), piece.key.encode(), home, stamp)


def test_a_request_that_no_broker_takes_ends_its_worker_at_a_deadline_too(fresh_settings: Any) -> None:
    """It was asked again ten times a second, in silence, and every patient due with it as often."""
    asyncio.run(lay_narrow(fresh_settings.settings))
    done = subprocess.run(
        (*PROGRAM, "run", "--role", "assembly"),
        env=fresh_settings.env | {"ONCOSTREAM_TRIGGER_DEADLINE": "PT1S"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert "MessageSizeTooLargeError" in done.stderr
