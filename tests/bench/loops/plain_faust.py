"""The observation job as a plain Faust agent: one event at a time, acknowledged by Faust when the next is taken."""

from datetime import UTC, datetime
from typing import Any

import faust

from loops.asking import Asking
from model.intake.clinical import ClinicalRules, read_observation
from schemas.message import Message
from streams.settings import read_settings

settings, rules = read_settings(), ClinicalRules()
asking = Asking(settings)
session = settings.kafka.session_timeout.total_seconds()
app = faust.App(
    f"{settings.kafka.prefix}loop-observation",
    broker=f"kafka://{settings.places.kafka}",
    store="memory://",
    broker_session_timeout=session,
    broker_heartbeat_interval=session / 6,
    broker_rebalance_timeout=session,
    consumer_auto_offset_reset="earliest",
    producer_acks=-1,
    topic_disable_leader=True,
    topic_allow_declare=False,
    web_enabled=False,
    autodiscover=False,
)


@app.agent(app.topic(asking.parts.topics.observations, key_serializer="raw", value_serializer="raw"))
async def observe(stream: Any) -> None:
    """Each event alone."""
    async for event in stream.events():
        message = message_of(event)
        for each in await asking.take([(message, piece) for piece in read_observation(message, rules).evidence]):
            sent = await app.producer.send(each.topic, each.key, each.value, each.partition, None, each.headers)
            await sent


def message_of(event: Any) -> Message:
    """A Faust event as a message."""
    came = event.message
    headers = tuple((came.headers or {}).items())
    at = datetime.fromtimestamp(came.timestamp, UTC)
    return Message(came.topic, came.partition, came.offset, came.key, event.value, headers, timestamp=at)


faust.Worker(app, loglevel="WARN").execute_from_commandline()
