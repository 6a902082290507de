"""Evidence whose vectors another encoder made, and the events that it was read from."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from agents.counting import counting, evidence_in
from schemas.envelope import REREAD
from schemas.evidence import Evidence, EvidenceStatus, Modality, Origin
from schemas.message import Message
from streams.reading import read_to_end

Encoders = Mapping[str, str]
"""Encoder id -> SHA-256 of the weights that the network was trained behind."""


async def outdated(
    consumer: AIOKafkaConsumer, topic: str, partitions: Sequence[int], encoders: Encoders, of: Collection[Modality]
) -> list[Evidence]:
    """What counts of each source, where it is current and other encoders than these made its vectors."""

    def asked(value: bytes) -> bool:
        piece = evidence_in(value)
        return piece is not None and is_outdated(piece, encoders)

    pieces = [evidence_in(message.value or b"") for message in await counting(consumer, topic, partitions, asked)]
    return [piece for piece in pieces if piece is not None and piece.modality in of]


def is_outdated(piece: Evidence, encoders: Encoders) -> bool:
    """Whether the network has other weights for one of its vectors, or knows none of its vectors' encoders."""
    if piece.status is not EvidenceStatus.CURRENT or not piece.vectors:
        return False
    known = [encoders[vector.encoder] == vector.weights for vector in piece.vectors if vector.encoder in encoders]
    return not known or not all(known)


async def events_of(
    consumer: AIOKafkaConsumer, pieces: Sequence[Evidence], topics: Collection[str]
) -> AsyncIterator[tuple[Message, int]]:
    """The events that these were read from, as far as they still are, each with the number of its next reading."""
    wanted: dict[Origin, int] = {}
    for piece in pieces:
        wanted[piece.origin] = max(wanted.get(piece.origin, 0), piece.reread + 1)
    places: dict[tuple[str, int], list[int]] = {}
    for origin in wanted:
        if origin.topic in topics:
            places.setdefault((origin.topic, origin.partition), []).append(origin.offset)
    for (topic, partition), offsets in sorted(places.items()):
        since, until = {partition: min(offsets)}, max(offsets) + 1
        async for message in read_to_end(consumer, topic, [partition], since=since, until=until):
            if message.origin in wanted and message.value is not None:
                yield message, wanted[message.origin]


async def send_again(producer: AIOKafkaProducer, event: Message, reading: int) -> None:
    """The event to where it was, as it was, with the number of this reading."""
    headers = [(name, value) for name, value in event.headers if name != REREAD]
    await producer.send_and_wait(
        event.topic,
        event.value,
        event.key,
        partition=event.partition,
        headers=[*headers, (REREAD, str(reading).encode())],
    )
