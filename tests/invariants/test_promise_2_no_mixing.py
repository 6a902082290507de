"""Promise 2: no vector, evidence id or result of one patient ever reaches another."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from events_in import NOON, Sent, observation, sequencing, variant
from hypothesis import given
from hypothesis import strategies as st
from road import LayRoad, Undisturbed

from model.serving import Predictor, load_predictor
from schemas.dead_letter import DeadLetter
from schemas.errors import Reason
from schemas.evidence import Evidence, Modality, Origin, evidence
from schemas.ids import partition_of
from schemas.message import Message
from schemas.request import Cause, History, Request, Status
from schemas.result import Result
from streams.arrivals import arrival_of

parts = st.lists(st.sampled_from(("p", "|", "|clinical|", "|genomic|", "%", "%7C", "é")), min_size=1, max_size=4)
names = parts.map("".join)


def piece_of(patient: str, source: str = "Observation/1", modality: Modality = Modality.CLINICAL) -> Evidence:
    origin = Origin(topic="t", partition=0, offset=0)
    return evidence(patient=patient, modality=modality, source=source, version="v1", occurred_at=NOON, origin=origin)


def request_of(piece: Evidence, model: str) -> Request:
    history = History(revision=1, status=Status.PRELIMINARY, cause=Cause.DEADLINE)
    return Request(
        id="r", patient=piece.patient, model=model, evidence=(piece,), missing={}, history=history, asked_at=NOON
    )


@given(names, names)
def test_the_same_content_of_two_patients_has_two_hashes(one: str, other: str) -> None:
    assert (piece_of(one).hash == piece_of(other).hash) == (one == other)


@pytest.fixture(scope="module")
def predictor(untrained: Path) -> Predictor:
    return load_predictor(untrained)


@given(names, names)
def test_the_memo_of_one_patient_is_never_found_for_another(predictor: Predictor, one: str, other: str) -> None:
    keys = [predictor.memo_key(request_of(piece_of(name), "m"), Modality.CLINICAL) for name in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


triples = st.tuples(names, st.sampled_from(Modality), names)


@given(names, names, names)
def test_the_key_of_a_piece_of_evidence_is_nobody_elses(start: str, middle: str, end: str) -> None:
    one = piece_of(start, f"{middle}|genomic|{end}", Modality.CLINICAL)
    other = piece_of(f"{start}|clinical|{middle}", end, Modality.GENOMIC)
    assert one.key != other.key
    assert (piece_of(start).key == piece_of(end).key) == (start == end)


@given(triples)
def test_an_erasure_erases_the_source_whose_key_it_has(triple: tuple[str, Modality, str]) -> None:
    patient, modality, source = triple
    key = piece_of(patient, source, modality).key.encode()
    found, arrival = arrival_of(Message("evidence", partition_of(patient, 4), 0, key, None, timestamp=NOON), 4)
    assert (found, arrival.key, arrival.piece) == (patient, (modality, source), None)


def patient_in(value: bytes) -> str:
    """The patient that an input names, read by nothing of ours."""
    content = json.loads(value)
    said: str = content["patient"] if "patient" in content else content["subject"]["reference"].removeprefix("Patient/")
    return said


@pytest.mark.slow
def test_every_record_is_of_the_patient_whose_input_led_to_it(undisturbed: Undisturbed) -> None:
    road = undisturbed.road

    async def read() -> tuple[dict[tuple[str, int, int], str], list[Message], list[Message], list[Message]]:
        inputs = {}
        for topic in (road.topics.observations, road.topics.sequencing):
            for m in await road.read(topic):
                if (m.value or b"").startswith(b'{"'):
                    inputs[(m.topic, m.partition, m.offset)] = patient_in(m.value or b"")
        topics = (road.topics.evidence, road.topics.requests, road.topics.results)
        return (inputs, *[await road.read(topic) for topic in topics])

    inputs, evidence_records, request_records, result_records = asyncio.run(read())
    known = defaultdict(set)
    for record in evidence_records:
        piece = Evidence.model_validate_json(record.value or b"")
        assert piece.patient == inputs[(piece.origin.topic, piece.origin.partition, piece.origin.offset)]
        assert partition_of(piece.patient, road.partitions) == record.partition
        known[piece.patient].add(piece.hash)
    for record in request_records:
        request = Request.model_validate_json(record.value or b"")
        assert {piece.patient for piece in request.evidence} == {request.patient}
        assert record.key == request.patient.encode()
    for record in result_records:
        result = Result.model_validate_json(record.value or b"")
        assert {used.hash for used in result.evidence} <= known[result.patient]
        assert record.key == result.patient.encode()
    assert len(request_records) >= len(undisturbed.contents) <= len(result_records)


@pytest.mark.slow
def test_a_result_is_what_its_patient_alone_would_be_told(undisturbed: Undisturbed, predictor: Predictor) -> None:
    road = undisturbed.road

    async def asked() -> Iterator[Request]:
        return (Request.model_validate_json(m.value or b"") for m in await road.read(road.topics.requests))

    last = {request.patient: request for request in asyncio.run(asked())}
    for patient, request in sorted(last.items())[::6]:
        present = predictor.present(request)
        alone = dict(zip(present, predictor.encode([request], [(0, one) for one in present]), strict=True))
        assert predictor.predict([request], [alone])[0].content_sha256 == undisturbed.contents[patient]


def two_subjects() -> Sent:
    """A Bundle of two patients."""
    resources = [json.loads(observation(patient, f"o-{patient}", 9.0).value or b"") for patient in ("p-1", "p-2")]
    entries = [{"fullUrl": f"urn:uuid:{number}", "resource": one} for number, one in enumerate(resources)]
    return Sent(
        "observations", b"p-1", json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    )


@pytest.mark.slow
def test_neither_a_message_of_two_patients_nor_ids_that_look_like_keys_mix_them(lay_road: LayRoad) -> None:
    road = lay_road()
    odd = ["p", "p|clinical|Observation/o-p", "p|genomic|specimen:s:panel", "p*", "{p1}:patient:p", "P"]
    events = [two_subjects(), *[sequencing(name, "s", variant("KRAS", 5 + 9 * n)) for n, name in enumerate(odd)]]

    async def run() -> tuple[list[Result], list[Message], list[Message]]:
        road.start("clinical", "genomic", "assembly", "inference")
        await road.send(events)
        await road.settled()
        topics = road.topics
        return await road.results(), await road.read(topics.evidence), await road.read(topics.dead_letters)

    results, pieces, letters = asyncio.run(run())
    assert [DeadLetter.from_headers(letter.headers).reason for letter in letters] == [Reason.TWO_PATIENTS]
    assert sorted(Evidence.model_validate_json(m.value or b"").patient for m in pieces) == sorted(odd)
    assert sorted(result.patient for result in results) == sorted(odd)
    assert len({used.hash for result in results for used in result.evidence}) == len(odd)
    assert all(len(result.evidence) == 1 for result in results)
