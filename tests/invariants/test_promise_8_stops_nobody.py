"""Promise 8: no record stops anyone but its own patient, whatever its headers, times, key and value are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from bus import Place
from events_in import Sent, observation, sequencing
from raw_names import NO_TEXT, SPELLED, Raw, write_batch
from road import LayRoad, Road

from schemas.dead_letter import DeadLetter, original_headers
from schemas.envelope import RECEIVED
from schemas.errors import Reason
from schemas.message import Message
from streams.kafka import writer
from streams.kafka_settings import KafkaSettings
from streams.opened import opened


@dataclass(frozen=True)
class Odd:
    """A record that no program of ours would write, and that Kafka takes."""

    sent: Sent
    headers: tuple[tuple[str, bytes | None], ...] = ()
    milliseconds: int | None = None


ODD = [
    Odd(observation("p-null-type", "o", 9.0), (("content-type", None),)),
    Odd(observation("p-null-trace", "o", 9.0), (("traceparent", None),)),
    Odd(observation("p-null-time", "o", 9.0), ((RECEIVED, None),)),
    Odd(observation("p-no-offset", "o", 9.0), ((RECEIVED, b"2026-03-01T12:00:00"),)),
    Odd(observation("p-last-day", "o", 9.0), ((RECEIVED, b"9999-12-31T23:59:59-14:00"),)),
    Odd(observation("p-before-time", "o", 9.0), milliseconds=-(10**15)),
    Odd(sequencing("p-vcf", "s", "", occurred_at="0001-01-01T00:00:00+14:00")),
    Odd(sequencing("p-vcf", "s", "", occurred_at="9999-12-31T23:59:59-14:00")),
    Odd(Sent("observations", None, None)),
]


async def send(road: Road, records: Sequence[Odd]) -> list[Place]:
    """Send what the usual call would refuse to: a record without key and value among them."""
    places = []
    async with opened(writer(road.bootstrap, KafkaSettings())) as producer:
        for odd in records:
            topic, batch = odd.sent.topic_in(road.topics), producer.create_batch()
            batch.append(timestamp=odd.milliseconds, key=odd.sent.key, value=odd.sent.value, headers=list(odd.headers))
            done = await (await producer.send_batch(batch, topic, partition=0))
            places.append((done.topic, done.partition, done.offset))
    return places


@pytest.mark.slow
def test_odd_records_have_an_outcome_each_and_nobody_waits_behind_them(lay_road: LayRoad) -> None:
    road = lay_road()

    async def live() -> tuple[set[Place], set[str], set[Reason]]:
        places = await send(road, [*ODD, Odd(observation("p-behind-them", "o", 9.0))])
        road.start()
        await road.settled()
        letters = [DeadLetter.from_headers(message.headers) for message in await road.read(road.topics.dead_letters)]
        patients = {result.patient for result in await road.results()}
        return await road.without_outcome(places), patients, {letter.reason for letter in letters}

    open_, patients, reasons = asyncio.run(live())
    assert open_ == set()
    assert "p-behind-them" in patients
    assert {"p-null-type", "p-null-trace", "p-null-time", "p-no-offset", "p-last-day", "p-before-time"} < patients
    assert reasons == {Reason.NO_TIME, Reason.NOTHING_TO_READ}


@pytest.mark.slow
def test_strange_records_among_the_results_are_set_aside_and_end_no_worker(lay_road: LayRoad) -> None:
    road = lay_road()

    async def live() -> set[Reason]:
        for _ in range(6):
            await road.put(road.topics.results, b"k", b"not a result", 0)
        road.start("fhir")
        await road.settled(roles=["fhir"])
        letters = [DeadLetter.from_headers(message.headers) for message in await road.read(road.topics.dead_letters)]
        return {letter.reason for letter in letters}

    assert asyncio.run(live()) == {Reason.NOT_AN_EVENT}


@pytest.mark.slow
def test_a_header_name_that_is_no_text_stops_neither_its_batch_nor_a_role(lay_road: LayRoad) -> None:
    """The record is read as any other; where it is set aside, its letter keeps the name spelled out."""
    road = lay_road()
    odd = ((NO_TEXT, b"\xff"), (b"content-type", None))
    batch: list[Raw] = [
        (None, observation("p-before", "o", 9.0).value, ()),
        (None, observation("p-odd", "o", 9.0).value, odd),
        (None, b"not json", odd),
        (None, observation("p-behind", "o", 9.0).value, ()),
    ]
    ours: list[Raw] = [(b"k", b"none of ours", odd), (b"k", None, odd)]

    async def live() -> tuple[set[Place], set[bytes | None], list[Message]]:
        places = await write_batch(road.bootstrap, road.topics.observations, batch)
        for topic in (road.topics.requests, road.topics.results):
            await write_batch(road.bootstrap, topic, ours)
        road.start("fhir", *road.roles)
        await road.settled(roles=["fhir", *road.roles])
        patients = {message.key for message in await road.read(road.topics.results)}
        return await road.without_outcome(places), patients, await road.read(road.topics.dead_letters)

    open_, patients, read = asyncio.run(live())
    assert open_ == set()
    assert patients == {b"p-before", b"p-odd", b"p-behind", b"k"}
    letters = {DeadLetter.from_headers(message.headers).step: message for message in read}
    assert {step: letter.value for step, letter in letters.items()} == {
        "clinical": b"not json", "inference": b"none of ours", "fhir": b"none of ours"
    }  # fmt: skip
    for letter in letters.values():
        assert original_headers(letter.headers) == [(SPELLED, b"\xff"), ("content-type", None)]
