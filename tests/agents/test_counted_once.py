"""What is counted, is counted once it is durable: a batch that is given up is done again, here or elsewhere."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY
from step_bench import Bench, batch_of

from agents.answering import Answering
from agents.intake import work_of
from agents.wiring import make_parts
from model.serving import load_predictor
from model.untrained import write_untrained
from schemas.evidence import Modality, Origin, evidence
from schemas.manifest import Sizes
from schemas.message import Message, Reading
from schemas.picture import Absence
from schemas.request import Cause, History, Request, Status
from streams.pace import Pace
from streams.settings import read_settings
from streams.step import Outcome, Work

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def given_up_and_done_again(bench: Bench, work: Work) -> None:
    """Kafka is away for longer than the session while the batch is published; then all is well."""

    def asleep() -> None:
        bench.clock.now += 7

    bench.kafka.when_failing = asleep
    bench.kafka.failures = [KafkaConnectionError()]
    assert not asyncio.run(bench.step.run(batch_of(1), work))
    assert asyncio.run(bench.step.run(batch_of(1), work))


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"oncostream_{name}", labels) or 0.0


def test_a_result_of_a_batch_that_was_given_up_is_counted_once(tmp_path: Path) -> None:
    write_untrained(tmp_path, seed=5, sizes=Sizes(batch=2, qubits=3, draws=2))
    predictor = load_predictor(tmp_path)
    answering = Answering(predictor, "results")
    asked = Request(
        id="r", patient="p", model=predictor.model, evidence=(), missing=dict.fromkeys(Modality, Absence.NEVER_SEEN),
        history=History(revision=1, status=Status.PRELIMINARY, cause=Cause.DEADLINE), asked_at=NOON,
    )  # fmt: skip
    message = Message("requests", 0, 0, b"p", asked.to_json(), timestamp=NOON)

    async def work(_: Sequence[Message]) -> Sequence[Outcome]:
        batch = answering.read([message])
        return answering.answer(batch, answering.encode(batch, {}), NOON)

    def said() -> list[float]:
        results = counted("results_total", status="preliminary", cause="deadline")
        return [results, counted("abstentions_total", reason="no-evidence")]

    before = said()
    given_up_and_done_again(Bench(), work)
    assert [now - then for now, then in zip(said(), before, strict=True)] == [1, 1]


def test_a_resource_that_nobody_reads_is_counted_once() -> None:
    origin = Origin(topic="in", partition=0, offset=0)
    made = evidence(patient="p", modality=Modality.CLINICAL, source="s", version="v1", occurred_at=NOON, origin=origin)
    read = Reading((made,), ("Device", "Device"))
    work = work_of(lambda _: read, make_parts(read_settings()), "clinical", Pace(8, 8))
    before = counted("skipped_resources_total", type="Device")
    given_up_and_done_again(Bench(), work)
    assert counted("skipped_resources_total", type="Device") - before == 2
