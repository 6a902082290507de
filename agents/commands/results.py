"""`oncostream results`: what has been said of each patient, and what is being said."""

import asyncio
from typing import Annotated

import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from agents.clients import administering, partitions_of, reading
from agents.local_home import settings_here
from agents.result_lines import line_of
from agents.rows import say, warn
from schemas.ids import partition_of
from schemas.message import Message
from schemas.result import Result
from streams.batches import message_of
from streams.reading import read_to_end
from streams.settings import Settings
from streams.topics import named


def results(
    patient: Annotated[str | None, typer.Option(help="Only of this patient.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Then each result as it comes, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One record a line, exactly as in Kafka.")] = False,
) -> None:
    """Show the last result of each patient: the one of the greatest revision."""
    try:
        asyncio.run(_Results(settings_here(), patient, as_json).run(follow=follow))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


class _Results:
    """One reading of the results topic."""

    def __init__(self, settings: Settings, patient: str | None, as_json: bool) -> None:
        self._settings = settings
        self._topic = named(settings.kafka.prefix).results
        self._patient = patient
        self._as_json = as_json
        self._before: dict[str, Result] = {}
        """Of each patient, the revision before the one that is said next."""

    async def run(self, *, follow: bool) -> None:
        """Say the last result of each patient; then go on with those that come."""
        async with administering(self._settings) as client:
            count = (await partitions_of(client, [self._topic]))[self._topic]
        chosen = list(range(count)) if self._patient is None else [partition_of(self._patient, count)]
        async with reading(self._settings) as consumer:
            seen = await self._say_last(consumer, chosen)
            if follow:
                await self._follow(consumer, seen)

    async def _say_last(self, consumer: AIOKafkaConsumer, partitions: list[int]) -> dict[int, int]:
        """Say the last of each patient; returns the next offset of each partition."""
        last: dict[str, tuple[int, Message]] = {}
        seen = dict.fromkeys(partitions, 0)
        async for message in read_to_end(consumer, self._topic, partitions):
            seen[message.partition] = message.offset + 1
            result = self._wanted(message)
            if result is not None and result.history.revision >= last.get(result.patient, (0, message))[0]:
                if result.patient in last and last[result.patient][0] < result.history.revision:
                    self._before[result.patient] = Result.model_validate_json(last[result.patient][1].value or b"")
                last[result.patient] = (result.history.revision, message)
        if self._patient is not None and not last:
            warn("no result of this patient is there; `oncostream status` shows what waits")
        for patient in sorted(last):
            self._say(last[patient][1])
        return seen

    async def _follow(self, consumer: AIOKafkaConsumer, seen: dict[int, int]) -> None:
        for partition, offset in seen.items():
            consumer.seek(TopicPartition(self._topic, partition), offset)
        async for record in consumer:
            message = message_of(record)
            if self._wanted(message) is not None:
                self._say(message)

    def _wanted(self, message: Message) -> Result | None:
        try:
            result = Result.model_validate_json(message.value or b"")
        except ValidationError:
            if message.value is not None:
                warn(f"record {message.partition}/{message.offset} of {self._topic} is not a result; passed over")
            return None
        return result if self._patient in (None, result.patient) else None

    def _say(self, message: Message) -> None:
        value = message.value or b""
        if self._as_json:
            say(value.decode())
            return
        result = Result.model_validate_json(value)
        say(line_of(result, self._before.get(result.patient)))
        self._before[result.patient] = result
