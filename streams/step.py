"""One batch from records to durable outcomes: retry, publish, set aside, count. The agent acknowledges."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from redis.exceptions import RedisError

from schemas.errors import Reason, Refused, Unavailable
from schemas.message import Message
from streams import metrics
from streams.batches import Batch
from streams.dead_letters import DeadLetters
from streams.publisher import Outgoing, Publisher, Rest
from streams.pulse import Pulse

log = structlog.get_logger()


@dataclass(frozen=True)
class Said:
    """What one record led to; `label` is the outcome that is counted."""

    records: tuple[Outgoing, ...]
    label: str = "evidence"
    count: Callable[[], None] | None = field(default=None, compare=False)
    """Counts what it says, once that is durable: a batch that is given up is done again, and says it again."""


@dataclass(frozen=True)
class SetAside:
    """Why one record cannot be used, and what is said of it all the same."""

    refused: Refused
    records: tuple[Outgoing, ...] = ()


Outcome = Said | SetAside
Work = Callable[[Sequence[Message]], Awaitable[Sequence[Outcome | Unavailable]]]
"""One outcome a message, in order; in its place `Unavailable` where this message alone is to be read again."""

AWAY = (Unavailable, RedisError, KafkaError, ConnectionError, TimeoutError)
"""What is tried again with back-off: the same batch may work later."""

LONGEST_WAIT_SECONDS = 2.0
"""Between two attempts while a dependency is away."""

_BUGS_IN_A_ROW = 5


class TooManyBugs(Exception):  # noqa: N818  it ends the worker, by design
    """Several internal errors in a row: the worker stops rather than set aside the records after them as well."""


class Step:
    """Carries batches of one role to their outcomes."""

    def __init__(self, role: str, publisher: Publisher, dead_letters: DeadLetters, pulse: Pulse) -> None:
        self.role = role
        self.begun_at: float | None = None
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._pulse = pulse
        self._woken = pulse.lapses
        self._bugs = 0
        metrics.begin(role)

    async def run(self, batch: Batch, work: Work) -> bool:
        """Work until every record of the batch has a durable outcome; the caller then acknowledges it.

        What was read stays read: only what was unavailable is read again, only what Kafka lacks is published again.
        False where others may own the records now (this worker slept past its session, or a rebalance took the batch):
        nothing was published since. Raises `TooManyBugs`, after it has acknowledged the batch itself.
        """
        started = self.begun_at = time.monotonic()
        messages = list(batch)
        read: dict[int, Outcome] = {}
        outcomes: list[Outcome] = []

        def ours() -> bool:
            return self._pulse.lapses == self._woken and not batch.gone

        done = await self._retried(lambda: _read_rest(messages, work, read), ours)
        if done:
            outcomes = [read[place] for place in range(len(messages))]
            rest = Rest(self._records(messages, outcomes))
            done = await self._retried(lambda: self._publisher.publish_rest(rest), ours)
        self.begun_at, self._woken = None, self._pulse.lapses
        if done:
            self._count(outcomes)
            self._observe(batch, len(messages), time.monotonic() - started)
            self._end_over_bugs(batch)
        return done

    async def _retried(self, attempt: Callable[[], Awaitable[None]], ours: Callable[[], bool]) -> bool:
        """Attempt with back-off while a dependency is away; False once the batch is no longer ours."""
        wait = 0.05
        while ours():
            try:
                await attempt()
            except MessageSizeTooLargeError:
                raise  # no retry makes it smaller: the worker stops, loudly
            except AWAY as error:
                metrics.RETRIES.labels(self.role).inc()
                log.warning("dependency_away", role=self.role, error=type(error).__name__)
            else:
                return True
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        return False

    def _records(self, messages: Sequence[Message], outcomes: Sequence[Outcome]) -> list[Outgoing]:
        now = datetime.now(UTC)
        records: list[Outgoing] = []
        for message, outcome in zip(messages, outcomes, strict=True):
            records.extend(outcome.records)
            if isinstance(outcome, SetAside):
                records.append(self._dead_letters.letter(message, outcome.refused, step=self.role, now=now))
        return records

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        labels = Counter(outcome.label if isinstance(outcome, Said) else "set_aside" for outcome in outcomes)
        for label, count in labels.items():
            metrics.of(metrics.EVENTS, self.role, label).inc(count)
        for outcome in outcomes:
            if isinstance(outcome, Said) and outcome.count:
                outcome.count()
            refused = outcome.refused if isinstance(outcome, SetAside) else None
            self._bugs = self._bugs + 1 if refused and refused.reason is Reason.INTERNAL_ERROR else 0
            if refused:
                metrics.DEAD_LETTERS.labels(self.role, refused.reason.value).inc()
                log.info("set_aside", role=self.role, reason=refused.reason.value)

    def _end_over_bugs(self, batch: Batch) -> None:
        """Raise after several bugs in a row; a restart goes on behind this batch, whose records have their outcomes."""
        if self._bugs >= _BUGS_IN_A_ROW:
            batch.ack()  # the agent ends and cannot; every restart would set it aside again, and end again
            raise TooManyBugs(f"{self.role}: {self._bugs} internal errors in a row; see its dead letters")

    def _observe(self, batch: Batch, rows: int, seconds: float) -> None:
        metrics.BATCHES.labels(self.role, "full" if batch.full else "drain").inc()
        metrics.BATCH_ROWS.labels(self.role).observe(rows)
        took = metrics.of(metrics.EVENT_SECONDS, self.role)
        for _ in range(rows):
            took.observe(seconds)


async def _read_rest(messages: Sequence[Message], work: Work, read: dict[int, Outcome]) -> None:
    """Work on the messages that have no outcome yet; raises Unavailable while one is left."""
    left = [place for place in range(len(messages)) if place not in read]
    answers = await work([messages[place] for place in left])
    for place, answer in zip(left, answers, strict=True):
        if not isinstance(answer, Unavailable):
            read[place] = answer
    for answer in answers:
        if isinstance(answer, Unavailable):
            raise answer


def refusal_of(error: Exception) -> Refused:
    """A refusal as it is, or the bug that it hides behind: the type and place of an error, never its words."""
    if isinstance(error, Refused):
        return error
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame else "unknown"
    return Refused(
        Reason.INTERNAL_ERROR,
        f"{type(error).__name__} in {place}; this is a bug of ours: report it, replay after the fix",
    )
