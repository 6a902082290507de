"""`oncostream reread`: files again, after an encoder changed."""

import asyncio
from typing import Annotated

import typer

from agents.clients import administering, partitions_of, reading, writing
from agents.exits import AskedWrongly
from agents.local_home import settings_here
from agents.rereading import events_of, outdated, send_again
from agents.rows import progress, say, warn
from agents.wiring import read_manifest
from schemas.evidence import Modality
from streams.settings import Settings
from streams.topics import named


def reread(
    modality: Annotated[list[Modality] | None, typer.Option(help="Only this modality; repeat it.")] = None,
) -> None:
    """Send the events of files again that were read behind other encoders than the network's, to be read anew.

    Workers of the new network read them: start those first. Asking twice does no harm.
    """
    sources, events, gone = asyncio.run(_reread(settings_here(), list(modality or Modality)))
    say(f"sent {events} events again, for {sources - gone} of {sources} sources behind other encoders")
    if gone:
        warn(f"{gone} sources were read from events that Kafka no longer has; their senders send them as corrected")


async def _reread(settings: Settings, of: list[Modality]) -> tuple[int, int, int]:
    """How many sources are behind other encoders, how many events were sent again, and of how many there is none."""
    topics, encoders = named(settings.kafka.prefix), read_manifest(settings).encoders
    if not encoders:
        raise AskedWrongly("ONCOSTREAM_MODEL is a network behind no encoder: nothing that files say counts for it")
    inputs = (topics.observations, topics.imaging, topics.sequencing)
    async with administering(settings) as admin:
        count = (await partitions_of(admin, [topics.evidence, *inputs]))[topics.evidence]
    async with reading(settings) as consumer, writing(settings) as producer:
        pieces = await outdated(consumer, topics.evidence, list(range(count)), encoders, of)
        sent = set()
        with progress() as shown:
            task = shown.add_task("events", total=len({piece.origin for piece in pieces}))
            async for event, number in events_of(consumer, pieces, inputs):
                await send_again(producer, event, number)
                sent.add(event.origin)
                shown.advance(task)
    return len(pieces), len(sent), sum(piece.origin not in sent for piece in pieces)
