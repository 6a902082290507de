"""Dead letters as an operator handles them: found, sent again, dismissed.

Nothing in Kafka is changed in place, so a letter that is dealt with gets a mark: a record of the same topic without a
value, whose key is the letter's id.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from agents.counting import counting, evidence_in
from schemas.canonical import derived_id
from schemas.dead_letter import DeadLetter, original_headers
from schemas.envelope import envelope
from schemas.errors import Refused
from schemas.evidence import EvidenceStatus
from schemas.message import Message
from streams.reading import read_to_end

MARK = "dead_letter_mark"
REPLAYED = "oncostream_replayed"
"""Header of a record that was sent again, with its letter's id."""

Mark = Literal["replayed", "dismissed"]


@dataclass(frozen=True)
class Filed:
    """One letter, without the message it keeps, and what was done with it (`""`: nothing yet)."""

    letter: DeadLetter
    mark: str
    place: tuple[int, int]
    """Partition and offset in the dead-letters topic."""


async def filed(consumer: AIOKafkaConsumer, topic: str, partitions: list[int]) -> list[Filed]:
    """Every letter, the oldest failure first; one that was written twice counts once."""
    letters: dict[str, tuple[DeadLetter, tuple[int, int]]] = {}
    marks: dict[str, str] = {}
    async for message in read_to_end(consumer, topic, partitions):
        if mark := _mark_in(message):
            marks[(message.key or b"").decode("utf-8", "replace")] = mark
        elif letter := letter_in(message):
            letters[letter.id] = (letter, (message.partition, message.offset))
    found = [Filed(letter, marks.get(name, ""), place) for name, (letter, place) in letters.items()]
    return sorted(found, key=lambda each: (each.letter.first_failure, each.letter.id))


async def kept(
    consumer: AIOKafkaConsumer, topic: str, wanted: list[Filed]
) -> AsyncIterator[tuple[DeadLetter, Message]]:
    """The wanted letters with the messages they keep, one at a time."""
    places = {each.place for each in wanted}
    partitions = sorted({partition for partition, _ in places})
    async for message in read_to_end(consumer, topic, partitions):
        if (message.partition, message.offset) in places and (letter := letter_in(message)):
            yield letter, message


async def send_again(producer: AIOKafkaProducer, letter: DeadLetter, message: Message, partitions: int) -> None:
    """The original key, value and headers to the topic they came from; where it was, for our topics need that."""
    await producer.send_and_wait(
        letter.topic,
        message.value,
        message.key,
        partition=letter.partition if letter.partition < partitions else None,
        headers=[*original_headers(message.headers), (REPLAYED, letter.id.encode())],
    )


async def mark(producer: AIOKafkaProducer, topic: str, letter_id: str, said: Mark) -> None:
    """Say what was done with a letter."""
    await producer.send_and_wait(topic, None, letter_id.encode(), headers=[(MARK, said.encode())])


async def erase(producer: AIOKafkaProducer, message: Message, now: datetime) -> None:
    """Take a source out of its patient's picture: its key without a value."""
    key = message.key or b""
    headers = envelope(
        kind="evidence",
        identity=derived_id("erasure", key.decode("utf-8", "replace"), str(message.offset)),
        subject=message.header("ce_subject") or "",
        role="dead-letters",
        cause=message,
        now=now,
    )
    await producer.send_and_wait(message.topic, None, key, partition=message.partition, headers=headers)


async def unreadable_of(
    consumer: AIOKafkaConsumer, topic: str, partitions: list[int], letters: list[DeadLetter]
) -> list[Message]:
    """The records of `oncology.evidence` that still say `unreadable` because of one of these letters."""
    origins = {(letter.topic, letter.partition, letter.offset) for letter in letters}
    return await counting(consumer, topic, partitions, lambda value: _is_unreadable(value, origins))


def letter_in(message: Message) -> DeadLetter | None:
    """The letter, or None where the record is a mark or something else."""
    try:
        return DeadLetter.from_headers(message.headers)
    except Refused:
        return None


def _mark_in(message: Message) -> str | None:
    return message.header(MARK) if message.value is None and letter_in(message) is None else None


def _is_unreadable(value: bytes, origins: set[tuple[str, int, int]]) -> bool:
    piece = evidence_in(value) if b'"unreadable"' in value else None
    if piece is None:
        return False
    origin = (piece.origin.topic, piece.origin.partition, piece.origin.offset)
    return piece.status is EvidenceStatus.UNREADABLE and origin in origins
