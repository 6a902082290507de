"""assembly: owns the patients. Merges evidence, decides, asks. It alone remembers, and never runs a model."""

import asyncio
from datetime import UTC, datetime

from agents.patients import Patients
from streams.app import BatchApp, BatchStream
from streams.batches import Batch
from streams.parts import Parts
from streams.publisher import Publisher
from streams.step import LONGEST_WAIT_SECONDS, Step

_TICK_SECONDS = 0.1
_DUE_AT_ONCE = 256


def register(app: BatchApp, parts: Parts) -> Step:
    """Listen to the evidence, and to the clock, for as long as the worker lives."""
    publisher = Publisher(app.producer)
    step = Step("assembly", publisher, parts.dead_letters, parts.pulse)
    patients = Patients(parts, publisher, app)
    turn = asyncio.Lock()

    @app.listens(parts.topics.evidence, name="assembly")
    async def assembly(batches: BatchStream) -> None:
        async for batch in batches:
            async with turn:
                await _take(batch, step, patients)

    async def deadlines() -> None:
        wait = _TICK_SECONDS
        while not app.should_stop:
            await asyncio.sleep(wait)
            async with turn:
                done = await patients.fire_due(datetime.now(UTC), _DUE_AT_ONCE)
            wait = _TICK_SECONDS if done else min(wait * 2, LONGEST_WAIT_SECONDS)

    app.meanwhile(deadlines)
    return step


async def _take(batch: Batch, step: Step, patients: Patients) -> None:
    if await step.run(batch, patients.absorb):
        batch.ack()
    else:
        batch.drop()
