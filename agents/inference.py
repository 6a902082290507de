"""inference: a request in, a result out. A pure function of the request; its memo in Redis is exact."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from agents.answering import Answering
from schemas.envelope import received_at
from schemas.message import Message
from streams import metrics
from streams.app import BatchApp, BatchStream
from streams.memo import Memo
from streams.parts import Parts
from streams.publisher import Publisher
from streams.step import Outcome, Step

log = structlog.get_logger()

_AT_ONCE = 64
"""Requests that the event loop does without a pause, under 0.1 s of them. Not in a thread: torch gives the
interpreter's lock away at each of some thousand operations, and waits each time until the other roles let go of it.
A quantum device or a noisy simulation may take seconds: then the answers are made in a thread after all."""


def register(app: BatchApp, parts: Parts, answering: Answering) -> Step:
    """Listen to requests for as long as the worker lives."""
    step = Step("inference", Publisher(app.producer), parts.dead_letters, parts.pulse)
    memo = Memo(parts.redis, parts.settings.kafka.prefix)

    async def work(messages: Sequence[Message]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(messages), _AT_ONCE):
            batch = answering.read(messages[start : start + _AT_ONCE])
            known = await memo.find(batch.keys)
            made = answering.encode(batch, known)
            await memo.keep(made)
            if answering.waits:
                outcomes += await asyncio.to_thread(answering.answer, batch, {**known, **made}, datetime.now(UTC))
            else:
                outcomes += answering.answer(batch, {**known, **made}, datetime.now(UTC))
            await asyncio.sleep(0)
        return outcomes

    @app.listens(parts.topics.requests, name="inference")
    async def inference(batches: BatchStream) -> None:
        async for batch in batches:
            received = [received_at(message) for message in batch]
            if await step.run(batch, work):
                _observe(received)
                batch.ack()
            else:
                batch.drop()

    return step


def _observe(received: Sequence[datetime]) -> None:
    now = datetime.now(UTC)
    for moment in received:
        metrics.RESULT_LATENCY.observe(max(0.0, (now - moment).total_seconds()))
