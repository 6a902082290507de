import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.letters import unreadable_of
from schemas.dead_letter import DeadLetter
from schemas.errors import Reason
from schemas.evidence import EvidenceStatus, Modality, Origin, evidence
from schemas.message import Message
from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.topics import create_topics, named

pytestmark = pytest.mark.slow
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("strange", [b'{"name": "Jane Doe", "status": "unreadable"}', b"not evidence"])
def test_a_record_that_is_no_evidence_keeps_no_letter_from_being_dismissed(fresh_settings: Any, strange: bytes) -> None:
    """It lay in the topic for good, so no letter could be; and the error quoted it on the operator's screen."""
    settings, letter = fresh_settings.settings, DeadLetter(Reason.NOT_JSON, "", "in", 0, 7, "x", "1", 1, NOON, NOON)
    topic = named(settings.kafka.prefix).evidence
    piece = evidence(
        patient="p-1", modality=Modality.CLINICAL, source="s", version="v1", occurred_at=NOON,
        origin=Origin(topic="in", partition=0, offset=7), status=EvidenceStatus.UNREADABLE,
    )  # fmt: skip

    async def visit() -> list[Message]:
        async with opened(admin(settings.places.kafka, settings.kafka)) as client:
            await create_topics(client, named(settings.kafka.prefix), 1, 1)
        async with opened(writer(settings.places.kafka, settings.kafka)) as producer:
            for value in (piece.to_json(), strange):
                await producer.send_and_wait(topic, value, piece.key.encode(), partition=0)
        async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
            return await unreadable_of(consumer, topic, [0], [letter])

    assert [message.value for message in asyncio.run(visit())] == [piece.to_json()]
