"""fhir: results in, FHIR out. Apart from inference, so that a mapping fault never costs a good result."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from schemas.canonical import derived_id
from schemas.envelope import envelope
from schemas.errors import Reason, Refused
from schemas.fhir_render import render
from schemas.message import Message
from schemas.result import Result
from streams.app import BatchApp, BatchStream
from streams.parts import Parts
from streams.publisher import Outgoing, Publisher
from streams.step import Outcome, Said, SetAside, Step, refusal_of


def register(app: BatchApp, parts: Parts) -> Step:
    """Listen to results for as long as the worker lives."""
    step = Step("fhir", Publisher(app.producer), parts.dead_letters, parts.pulse)

    async def work(messages: Sequence[Message]) -> Sequence[Outcome]:
        return await asyncio.to_thread(_map_all, messages, parts)

    @app.listens(parts.topics.results, name="fhir")
    async def fhir(batches: BatchStream) -> None:
        async for batch in batches:
            if await step.run(batch, work):
                batch.ack()
            else:
                batch.drop()

    return step


def _map_all(messages: Sequence[Message], parts: Parts) -> list[Outcome]:
    now = datetime.now(UTC)
    return [_outcome(message, parts, now) for message in messages]


def _outcome(message: Message, parts: Parts, now: datetime) -> Outcome:
    if message.value is None:
        return Said((), "unchanged")  # an erasure: nothing to map
    try:
        result = Result.model_validate_json(message.value)
    except ValidationError:
        return SetAside(Refused(Reason.NOT_AN_EVENT, "not a result; only oncostream's inference may write this topic"))
    try:
        value = render(result)
    except Exception as error:  # noqa: BLE001  a mapping fault becomes a dead letter, and replays after the fix
        return SetAside(refusal_of(error))
    headers = envelope(
        kind="fhir",
        identity=derived_id(result.id, str(result.history.revision), "fhir"),
        subject=result.patient,
        role="fhir",
        cause=message,
        now=now,
    )
    return Said((Outgoing(parts.topics.fhir, result.patient.encode(), value, message.partition, headers),))
