"""A network with other encoders is put in place, and its files are read again."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typed import typed

from agents.clients import administering, reading, writing
from agents.rereading import events_of, is_outdated, outdated
from model.cohorts.synthetic import write_synthetic
from model.untrained import write_untrained
from schemas.evidence import Evidence, EvidenceStatus, Modality, Origin, Vector, evidence
from schemas.manifest import Manifest
from schemas.message import Message
from schemas.picture import Absence
from schemas.result import Result
from schemas.tokens import ObservationToken
from streams.topics import create_topics, named

MAIN = (sys.executable, "-c", "from agents.cli import main; main()")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENCODERS = {"imaging/cnn": "new", "genomic/sequence": "new"}


def piece(
    source: str = "s", *, offset: int = 0, topic: str = "imaging.events", version: str = "v1",
    status: EvidenceStatus = EvidenceStatus.CURRENT, **weights: str,
) -> Evidence:  # fmt: skip
    """Evidence with a vector for each (encoder, weights)."""
    made = [Vector.pack(name.replace("_", "/"), each, np.zeros(1, np.float32)) for name, each in weights.items()]
    return evidence(
        patient="p-1", modality=Modality.IMAGING, source=source, version=version, occurred_at=NOON, status=status,
        tokens=() if made else [ObservationToken(code="c", value=1.0, at=NOON)], vectors=made,
        origin=Origin(topic=topic, partition=0, offset=offset),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "told"),
    [
        pytest.param(piece(imaging_cnn="old"), True, id="other-weights"),
        pytest.param(piece(imaging_cnn="new"), False, id="the-networks-own"),
        pytest.param(piece(imaging_cnn="new", genomic_sequence="old"), True, id="one-of-two-changed"),
        pytest.param(piece(imaging_cnn="new", imaging_bag="x"), False, id="one-that-no-network-reads-beside"),
        pytest.param(piece(imaging_backbone="x"), True, id="an-encoder-that-it-does-not-know"),
        pytest.param(piece(), False, id="tokens-alone"),
        pytest.param(piece(imaging_cnn="old", status=EvidenceStatus.WITHDRAWN), False, id="withdrawn"),
    ],
)
def test_evidence_is_outdated_where_the_network_has_other_encoders(one: Evidence, told: bool) -> None:
    assert is_outdated(one, ENCODERS) is told


@pytest.mark.slow
def test_what_counts_of_each_source_is_found_with_its_event_where_that_is_there_still(fresh_settings: Any) -> None:
    settings = fresh_settings.settings
    topics = named(settings.kafka.prefix)
    seen = [
        piece("newer", imaging_cnn="new", version="v2"),
        piece("newer", imaging_cnn="old"),
        piece("erased", imaging_cnn="old"),
        None,
        piece("read-again", imaging_cnn="old", offset=1, topic=topics.imaging).model_copy(update={"reread": 4}),
        piece("read-again", imaging_cnn="new"),
        piece("of-a-bundle", imaging_cnn="old", offset=1, topic=topics.imaging),
        piece("gone", imaging_cnn="old", offset=7, topic=topics.imaging),
        piece("of-elsewhere", imaging_cnn="old", topic="others.events"),
    ]

    async def found() -> tuple[list[Evidence], list[tuple[Message, int]], list[Evidence]]:
        async with administering(settings) as admin:
            await create_topics(admin, topics, settings.kafka.partitions, 1)
        async with reading(settings) as consumer, writing(settings) as producer:
            for value in (b"another", b"wanted"):
                await producer.send_and_wait(topics.imaging, value, b"k", partition=0, headers=[("h", b"1")])
            for one in seen:
                key, value = (b"p-1|imaging|erased", None) if one is None else (one.key.encode(), one.to_json())
                await producer.send_and_wait(topics.evidence, value, key, partition=0)
            await producer.send_and_wait(topics.evidence, b"no evidence", b"?", partition=0)
            pieces = await outdated(consumer, topics.evidence, [0], ENCODERS, list(Modality))
            events = [pair async for pair in events_of(consumer, pieces, topics.all()[:3])]
            none = await outdated(consumer, topics.evidence, [0], ENCODERS, [Modality.GENOMIC])
        return pieces, events, none

    pieces, events, none = asyncio.run(found())
    assert [one.source for one in pieces] == ["read-again", "of-a-bundle", "gone", "of-elsewhere"]
    assert [(event.value, event.headers, number) for event, number in events] == [(b"wanted", (("h", b"1"),), 5)]
    assert none == []


@contextmanager
def worker(log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen((*MAIN, "run"), stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_files_are_read_again_behind_the_encoders_of_a_new_network(
    fresh_settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first reading has the greater hash, sending the event once more alone changes nothing."""
    monkeypatch.setenv("ONCOSTREAM_TRIGGER_MIN_MODALITIES", "1")
    one, other = Path(fresh_settings.env["ONCOSTREAM_MODEL"]), tmp_path / "other"
    write_untrained(other, seed=1)
    write_synthetic(tmp_path / "cohort", patients=8, seed=5)
    typed("doctor", "--create-topics")
    with worker(tmp_path / "log"):
        typed("send", tmp_path / "cohort")
        first = settled(one)
    files = {name for name, found in first.items() if Modality.IMAGING not in found.missing}
    assert files
    monkeypatch.setenv("ONCOSTREAM_MODEL", str(other))
    with worker(tmp_path / "log"):
        without = settled(other)
        assert {without[name].missing.get(Modality.IMAGING) for name in files} == {Absence.ENCODER_CHANGED}
        said = typed("reread").stdout
        assert said.startswith("sent ")
        again = settled(other)
        assert typed("reread").stdout == "sent 0 events again, for 0 of 0 sources behind other encoders\n"
    assert {name: used(found) for name, found in again.items()} == {name: used(found) for name, found in first.items()}


def settled(of: Path) -> dict[str, Result]:
    """Patient -> the last result, when there is nothing left to do and this network said them all."""
    model, give_up = Manifest.read(of).model, time.monotonic() + 60
    while True:
        typed("status", "--wait", "60")
        results = [Result.model_validate_json(line) for line in typed("results", "--json").stdout.splitlines()]
        if {result.provenance.model for result in results} == {model} or time.monotonic() > give_up:
            return {result.patient: result for result in results}


def used(result: Result) -> tuple[set[str], dict[Modality, Absence]]:
    """The sources that a result rests on, and what it lacks."""
    return {f"{one.modality.value}|{one.source}" for one in result.evidence}, result.missing
