"""The demonstration as a service of the worker: sends a cohort, shows each result as it comes, adds up."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer
from mode import Service
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agents.letters import letter_in
from agents.result_lines import line_of
from agents.tally import Tally
from schemas.envelope import received_at
from schemas.message import Message
from schemas.result import Result
from streams.batches import message_of
from streams.kafka import reader, writer
from streams.opened import opened
from streams.settings import Settings
from streams.topics import named
from streams.web import Web

_EVENTS_A_SECOND = 120
_QUIET_SECONDS = 4.0


class Demonstration(Service):
    """Runs beside the six roles and ends the worker when all is said, or stays until it is stopped."""

    def __init__(self, settings: Settings, events: Sequence[Message], console: Console, *, stay: bool) -> None:
        super().__init__()
        self.tally = Tally()
        self.web: Web | None = None
        self._settings = settings
        self._topics = named(settings.kafka.prefix)
        self._events = events
        self._console = console
        self._stay = stay
        self._last_heard = time.monotonic()
        self._before: dict[str, Result] = {}
        """The last revision shown of each patient."""

    async def on_started(self) -> None:
        """Begin once every service has started."""
        self.add_future(self._play())

    async def _play(self) -> None:
        while self.web is None or not self.web.is_ready:
            await asyncio.sleep(0.05)
        self._console.print(f"[dim]metrics at {self.web.address}[/]")
        follower = asyncio.create_task(self._follow())
        started = time.monotonic()
        await self._send()
        await self._until_quiet()
        self.tally.seconds = max(self.tally.last_caused - started, 1e-9)
        follower.cancel()
        self._console.print(self.tally.table(self._settings.trigger.settle.total_seconds()))
        if self._stay:
            self._console.print(f"Still up: metrics at {self.web.address}. Ctrl-C ends it.")
        else:
            os.kill(os.getpid(), signal.SIGINT)

    async def _send(self) -> None:
        columns = (TextColumn("sending events"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        async with opened(writer(self._settings.places.kafka, self._settings.kafka)) as producer:
            with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
                for event in progress.track(self._events, total=len(self._events)):
                    topic = f"{self._settings.kafka.prefix}{event.topic}"
                    await producer.send(topic, value=event.value, key=event.key, headers=list(event.headers))
                    self.tally.sent += 1
                    self._last_heard = time.monotonic()
                    await asyncio.sleep(1 / _EVENTS_A_SECOND)
            await producer.flush()

    async def _until_quiet(self) -> None:
        """Until nothing has been said for a while that is longer than any deadline of this demonstration."""
        longest = self._settings.trigger.deadline.total_seconds() + _QUIET_SECONDS
        end = time.monotonic() + longest + 60
        sent = time.monotonic()
        while time.monotonic() < end:
            await asyncio.sleep(0.2)
            quiet = time.monotonic() - self._last_heard
            if quiet > _QUIET_SECONDS and time.monotonic() - sent > longest:
                return

    async def _follow(self) -> None:
        topics = (self._topics.results, self._topics.dead_letters)
        async with opened(reader(self._settings.places.kafka, self._settings.kafka)) as consumer:
            consumer.subscribe(topics)
            await self._show_all(consumer)

    async def _show_all(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            message = message_of(record)
            self._last_heard = time.monotonic()
            if message.topic == self._topics.dead_letters:
                self._show_letter(message)
            else:
                self._show_result(message)

    def _show_result(self, message: Message) -> None:
        result = Result.model_validate_json(message.value or b"")
        self.tally.add(result, (message.timestamp - received_at(message)).total_seconds(), time.monotonic())
        before = self._before.get(result.patient)
        self._before[result.patient] = result
        self._console.print(line_of(result, before), markup=False, highlight=False, soft_wrap=True)

    def _show_letter(self, message: Message) -> None:
        letter = letter_in(message)
        if letter is None:
            return
        self.tally.dead_letters[letter.reason.value] += 1
        line = f"set aside: {letter.reason} ({letter.step}): {letter.detail}"
        self._console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)


def started_at() -> str:
    """The moment of a start, as a part of a topic name."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
