"""Promise 7: nothing in a log, a metric or a dead letter's detail identifies a patient."""

import asyncio
import json
from typing import Any

import pytest
from events_in import Sent, observation, sequencing, variant
from road import LayRoad, Road

from schemas.dead_letter import DeadLetter
from schemas.ids import partition_of
from schemas.result import Result

pytestmark = pytest.mark.slow

SECRET = "zz-secret-Meier"
KEY = SECRET.encode()


def json_of(topic: str, content: Any) -> Sent:
    return Sent(topic, KEY, json.dumps(content).encode())


def changed(event: Sent, **changes: Any) -> Sent:
    """The event with other fields."""
    return json_of(event.topic, json.loads(event.value or b"") | changes)


GOOD = observation(SECRET, f"o-{SECRET}", 9.0, key=KEY)
ASSAY = sequencing(SECRET, f"s-{SECRET}", variant(SECRET, 30), key=KEY)
FILE = {"url": f"file:///etc/{SECRET}.dcm", "bytes": 3, "sha256": "0" * 64, "media_type": "application/dicom"}
IMAGE = {
    "id": SECRET,
    "patient": SECRET,
    "occurred_at": "2026-03-01T09:12:00Z",
    "study": SECRET,
    "series": SECRET,
    "kind": "CT",
    "files": [FILE],
}
OTHER = json.loads(observation("another", "o", 9.0).value or b"")

BAD = [
    Sent("observations", KEY, None),
    Sent("observations", KEY, f"{{no json {SECRET}".encode()),
    Sent("observations", KEY, json.dumps(SECRET).encode()),
    changed(GOOD, **{SECRET: SECRET}),
    changed(GOOD, resourceType=SECRET),
    changed(GOOD, status=SECRET),
    changed(GOOD, subject={"display": SECRET}),
    changed(GOOD, effectiveDateTime=SECRET),
    changed(GOOD, valueQuantity={"value": 1, "system": "http://unitsofmeasure.org", "code": SECRET}),
    changed(GOOD, valueQuantity={"value": SECRET}),
    changed(GOOD, code={"coding": [{"system": SECRET, SECRET: SECRET}]}),
    json_of("observations", {"resourceType": "Bundle", "type": SECRET, "entry": [{"resource": OTHER}]}),
    json_of(
        "observations",
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": json.loads(GOOD.value or b"")}, {"resource": OTHER}],
        },
    ),
    changed(ASSAY, files=[]),
    changed(ASSAY, assay=SECRET),
    changed(ASSAY, **{SECRET: SECRET}),
    changed(ASSAY, occurred_at=SECRET),
    changed(ASSAY, files=[{"media_type": "text/x-vcf", "url": f"https://{SECRET}/x", "bytes": 1, "sha256": "0" * 64}]),
    changed(ASSAY, files=[{"media_type": "text/x-vcf", "inline": SECRET}]),
    sequencing(SECRET, "bad", f"{SECRET}\n", key=KEY),
    sequencing(SECRET, "worse", variant(f"X\t{SECRET}", 30), key=KEY),
    json_of("sequencing", {"resourceType": "MolecularSequence", "id": SECRET, "observedSeq": SECRET, SECRET: 1}),
    json_of("imaging", IMAGE),
    json_of("imaging", IMAGE | {"kind": SECRET}),
    json_of("imaging", IMAGE | {"files": [FILE | {"url": f"s3://{SECRET}/x"}]}),
    json_of("imaging", IMAGE | {"files": [FILE | {SECRET: 1}]}),
    json_of("imaging", {"resourceType": "ImagingStudy", "id": SECRET, SECRET: SECRET}),
]
"""Every one of these is refused, by one of the three roles that read inputs."""

INSIDE = (b"{", json.dumps({"patient": SECRET, SECRET: 1}).encode(), json.dumps(SECRET).encode())
"""Written to our own topics by somebody else."""


async def write_inside(road: Road) -> int:
    """Bad records on the topics between the roles."""
    topics = (road.topics.evidence, road.topics.requests, road.topics.results)
    for topic in topics:
        for value in INSIDE:
            await road.put(topic, KEY, value, partition_of(SECRET, road.partitions))
    return len(topics) * len(INSIDE)


async def live(road: Road) -> tuple[list[Result], list[DeadLetter], str, int]:
    worker = road.start(*road.roles, "imaging", "fhir")
    await road.send([GOOD, ASSAY, *BAD])
    await road.settled()
    results = await road.results()
    inside = await write_inside(road)
    async with road.redis() as redis:
        await redis.flushall()
    await road.until_said("rebuilding", worker)
    await road.send([changed(GOOD, status="corrected", meta={"versionId": "2"})])
    await road.until_there_are(len(BAD) + inside, road.topics.dead_letters)
    await road.settled(roles=[*road.roles, "fhir"])
    letters = [DeadLetter.from_headers(message.headers) for message in await road.read(road.topics.dead_letters)]
    told = await asyncio.to_thread(worker.metrics)
    assert worker.leave() == 0
    return results, letters, told, inside


def test_good_and_bad_messages_of_a_patient_leave_no_trace_of_who_it_is(lay_road: LayRoad) -> None:
    road = lay_road()
    results, letters, told, inside = asyncio.run(live(road))
    assert results[-1].patient == SECRET
    assert len(letters) == len(BAD) + inside
    assert "oncostream_dead_letters_total" in told
    said = {"logs": road.logs(), "metrics": told, "details": "\n".join(letter.detail for letter in letters)}
    for where, text in said.items():
        lines = [line for line in text.splitlines() if SECRET.lower() in line.lower() or "secret" in line.lower()]
        assert lines == [], where
