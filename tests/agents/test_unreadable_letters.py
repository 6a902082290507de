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
from streams.settings import Settings
from streams.topics import create_topics, named

pytestmark = pytest.mark.slow
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CURRENT = EvidenceStatus.CURRENT
Version = tuple[str, EvidenceStatus] | None


def piece(version: str, offset: int, status: EvidenceStatus) -> bytes:
    """One version of one source, read from that offset."""
    return evidence(
        patient="p-1", modality=Modality.CLINICAL, source="s", version=version, occurred_at=NOON,
        origin=Origin(topic="in", partition=0, offset=offset), status=status,
    ).to_json()  # fmt: skip


def found(settings: Settings, *values: bytes | None) -> list[bytes | None]:
    """What the letter of offset 7 still keeps unreadable where these records of its source are the evidence."""
    letter = DeadLetter(Reason.NOT_JSON, "", "in", 0, 7, "x", "1", 1, NOON, NOON)
    topic = named(settings.kafka.prefix).evidence

    async def visit() -> list[Message]:
        async with opened(admin(settings.places.kafka, settings.kafka)) as client:
            await create_topics(client, named(settings.kafka.prefix), 1, 1)
        async with opened(writer(settings.places.kafka, settings.kafka)) as producer:
            for value in values:
                await producer.send_and_wait(topic, value, b"p-1|clinical|s", partition=0)
        async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
            return await unreadable_of(consumer, topic, [0], [letter])

    return [message.value for message in asyncio.run(visit())]


@pytest.mark.parametrize("strange", [b'{"name": "Jane Doe", "status": "unreadable"}', b"not evidence"])
def test_a_record_that_is_no_evidence_keeps_no_letter_from_being_dismissed(fresh_settings: Any, strange: bytes) -> None:
    """It lay in the topic for good, so no letter could be; and the error quoted it on the operator's screen."""
    unread = piece("v1", 7, EvidenceStatus.UNREADABLE)
    assert found(fresh_settings.settings, unread, strange) == [unread]


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        pytest.param([("v2", CURRENT)], [], False, id="a-newer-version-came-before"),
        pytest.param([], [("v2", CURRENT)], False, id="a-newer-version-came-after"),
        pytest.param([("v0", CURRENT)], [("v0", CURRENT)], True, id="only-older-versions"),
        pytest.param([("v2", CURRENT), None], [], True, id="the-newer-version-was-erased"),
        pytest.param([], [None], False, id="erased-since"),
    ],
)
def test_a_letter_is_dismissed_with_its_source_only_where_that_still_counts_as_unreadable(
    fresh_settings: Any, before: list[Version], after: list[Version], counts: bool
) -> None:
    """An older version that nobody could read, come late: while assembly was behind, what counts was erased with it."""
    unread = piece("v1", 7, EvidenceStatus.UNREADABLE)
    records = [[each and piece(each[0], 1, each[1]) for each in part] for part in (before, after)]
    assert found(fresh_settings.settings, *records[0], unread, *records[1]) == ([unread] if counts else [])
