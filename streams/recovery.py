"""Build a partition of the cache again from Kafka: the pictures from the evidence, what was asked from the requests."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from aiokafka import TopicPartition
from pydantic import ValidationError

from schemas.errors import Refused
from schemas.evidence import Evidence
from schemas.message import Message
from schemas.picture import SourceKey, bounded, merge
from schemas.request import Request
from streams.arrivals import arrival_of
from streams.cache import Cache
from streams.kafka import reader
from streams.opened import opened
from streams.reading import read_to_end
from streams.settings import Settings
from streams.state import PatientState, asked_of, touched
from streams.topics import Topics

Progress = Callable[[int, int], None]
"""(partition, records read so far)."""


async def rebuilt_states(
    settings: Settings, topics: Topics, partition: int, *, until: int, now: datetime, progress: Progress
) -> tuple[dict[str, PatientState], int]:
    """The patients of one partition as Kafka tells them, from evidence before offset `until`; and the requests' end."""
    states: dict[str, PatientState] = {}
    asked = 0
    async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
        count = 0
        async for message in read_to_end(consumer, topics.evidence, [partition], until=until):
            _remember(states, message, settings, now)
            count += 1
            if count % 1000 == 0:
                progress(partition, count)
        async for message in read_to_end(consumer, topics.requests, [partition]):
            _recall_asked(states, message)
            asked = message.offset + 1
        progress(partition, count)
    return states, asked


def _remember(states: dict[str, PatientState], message: Message, settings: Settings, now: datetime) -> None:
    try:
        patient, arrival = arrival_of(message, settings.kafka.partitions)
    except Refused:
        return  # set aside when it arrived
    state = states.get(patient, PatientState(patient))
    picture = dict(state.picture)
    if arrival.piece is None:
        picture.pop(arrival.key, None)
    else:
        with_piece(picture, arrival.piece)
    kept = bounded(picture, settings.trigger.cap)
    header = touched(state.header, message.timestamp, now)
    if len(kept) < len(picture):
        header = header.model_copy(update={"truncated": True})
    states[patient] = replace(state, header=header, picture=kept)


def with_piece(picture: dict[SourceKey, Evidence], piece: Evidence) -> dict[SourceKey, Evidence]:
    """The picture with one more piece merged in (in place)."""
    key = (piece.modality, piece.source)
    picture[key] = merge(picture[key], piece) if key in picture else piece
    return picture


def _recall_asked(states: dict[str, PatientState], message: Message) -> None:
    if message.value is None:
        return
    try:
        request = Request.model_validate_json(message.value)
    except ValidationError:
        return  # set aside by inference
    state = states.get(request.patient, PatientState(request.patient))
    before = state.header.asked
    if before is None or request.history.revision >= before.revision:
        asked = asked_of(request, message.timestamp, before)
        states[request.patient] = replace(state, header=state.header.model_copy(update={"asked": asked}))


async def requests_since(settings: Settings, topics: Topics, since: Mapping[int, int]) -> list[Message]:
    """The requests of these partitions from the given offsets on: what the cache may not know of."""
    async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
        return [message async for message in read_to_end(consumer, topics.requests, list(since), since=since)]


async def ends_of(settings: Settings, topics: Topics, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Where the evidence and the requests of each partition end now."""
    wanted = sorted(partitions)
    async with opened(reader(settings.places.kafka, settings.kafka)) as consumer:
        found = await consumer.end_offsets(
            [TopicPartition(topic, each) for topic in (topics.evidence, topics.requests) for each in wanted]
        )
    return {
        each: (found[TopicPartition(topics.evidence, each)], found[TopicPartition(topics.requests, each)])
        for each in wanted
    }


def recalled(states: Mapping[str, PatientState], messages: Iterable[Message]) -> dict[str, PatientState]:
    """The states with what those requests asked, where that is newer than what they know."""
    known = dict(states)
    for message in messages:
        _recall_asked(known, message)
    return known


def patient_asked(message: Message) -> str | None:
    """Whose request this is; None where it is none."""
    try:
        return Request.model_validate_json(message.value or b"").patient
    except ValidationError:
        return None


async def rebuild(
    settings: Settings, topics: Topics, cache: Cache, partition: int, *, until: int, now: datetime, progress: Progress
) -> bool:
    """Make the cache of one partition true up to (and without) offset `until`; False where another builds it now."""
    states, asked = await rebuilt_states(settings, topics, partition, until=until, now=now, progress=progress)
    return await cache.replace(partition, states.values(), until - 1, now, asked)
