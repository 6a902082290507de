"""The patients of the partitions that this worker owns: load, advance, publish, store; in that order, always."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog
from aiokafka.errors import MessageSizeTooLargeError

from agents.asking import outgoing
from agents.truth import Truth
from schemas.errors import Refused, Unavailable
from schemas.ids import partition_of
from schemas.message import Message
from streams import metrics
from streams.advance import Advanced, Arrival, advance
from streams.app import BatchApp
from streams.arrivals import arrival_of
from streams.cache import Cache, Stored, Update
from streams.parts import Parts
from streams.publisher import Publisher
from streams.step import AWAY, Outcome, Said, SetAside

log = structlog.get_logger()


class Patients:
    """Keeps the promise that the cache is true before anything is decided on it."""

    def __init__(self, parts: Parts, publisher: Publisher, app: BatchApp) -> None:
        self._parts = parts
        self._publisher = publisher
        self._app = app
        self._cache = Cache(parts.redis, parts.settings.kafka.prefix)
        self._truth = Truth(parts, self._cache, app)

    async def absorb(self, messages: Sequence[Message]) -> list[Outcome]:
        """Take a batch of evidence in; one outcome a message."""
        read = [_read(message, self._parts.settings.kafka.partitions) for message in messages]
        arrivals: dict[str, list[Arrival]] = defaultdict(list)
        for item in read:
            if not isinstance(item, Refused):
                patient, arrival = item
                arrivals[patient].append(arrival)
        reached: dict[int, int] = {}
        for message in messages:
            reached[message.partition] = max(message.offset, reached.get(message.partition, -1))
        fresh = await self._settle(arrivals, reached)
        return [_outcome(item, fresh) for item in read]

    async def fire_due(self, now: datetime, most: int) -> bool:
        """Decide again for the patients whose time has come, event or no event; False while a dependency is away."""
        owned, partitions = self._owned(), self._parts.settings.kafka.partitions
        self._truth.keep_to(owned)
        try:
            loaded = await self._cache.load_with({}, owned)
            await self._truth.hold(loaded)
            due = await self._cache.due(owned, now, most)
            home = [patient for patient in due if partition_of(patient, partitions) == due[patient]]
            for partition in {due[stray] for stray in due.keys() - home}:  # settled at home, it would stay due here
                await self._cache.mark_damaged(partition)
            if home:
                await self._settle({patient: [] for patient in home}, {})
        except MessageSizeTooLargeError:
            raise  # no retry makes it smaller: the worker stops, loudly, as over a batch
        except AWAY as error:
            metrics.RETRIES.labels("assembly").inc()
            log.warning("dependency_away", role="assembly", error=type(error).__name__)
            return False
        return True

    def _owned(self) -> set[int]:
        return self._app.assigned(self._parts.topics.evidence)

    async def _settle(self, arrivals: Mapping[str, list[Arrival]], reached: Mapping[int, int]) -> set[int]:
        """Advance these patients until every one of them is stored; returns the ids of arrivals that were news."""
        partitions = self._parts.settings.kafka.partitions
        left = {patient: partition_of(patient, partitions) for patient in arrivals}
        marks = dict(reached)
        fresh: set[int] = set()
        woken = self._parts.pulse.lapses
        while left or marks:
            loaded = await self._cache.load_with(left, marks)
            if await self._truth.hold(loaded):
                continue
            now = datetime.now(UTC)
            steps = [advance(loaded.patients[patient], arrivals[patient], self._parts.policy, now) for patient in left]
            for step in steps:
                pairs = zip(arrivals[step.after.patient], step.fresh, strict=True)
                fresh.update(id(arrival) for arrival, new in pairs if new)
            if self._parts.pulse.lapses != woken or not self._owned() >= {*left.values(), *marks}:
                raise Unavailable(
                    "a worker that slept past its session, or lost a partition: others own these patients"
                )
            self._truth.doubt(left[step.after.patient] for step in steps if step.request)
            sent = await self._publisher.publish([each for step in steps for each in outgoing(step, self._parts, now)])
            asked = {place.partition: place.offset + 1 for place in sent if place.topic == self._parts.topics.requests}
            stored = await self._store(steps, left, marks, asked)
            left = {patient: partition for patient, partition in left.items() if partition not in stored}
            marks = {partition: offset for partition, offset in marks.items() if partition not in stored}
        return fresh

    async def _store(
        self,
        steps: Sequence[Advanced],
        where: Mapping[str, int],
        marks: Mapping[int, int],
        asked: Mapping[int, int],
    ) -> set[int]:
        """Store, partition by partition; returns the partitions that took it."""
        updates: dict[int, list[Update]] = {partition: [] for partition in marks}
        for step in steps:
            update = Update(step.before, step.after, step.due)
            updates.setdefault(where[step.after.patient], []).append(update)
        answers = await self._cache.store(updates, self._truth.expected, marks, asked)
        done = {partition for partition, answer in answers.items() if answer is Stored.DONE}
        self._truth.believe(done, marks, asked)
        metrics.TRUNCATED.inc(sum(step.dropped for step in steps if where[step.after.patient] in done))
        return done


def _read(message: Message, partitions: int) -> tuple[str, Arrival] | Refused:
    try:
        return arrival_of(message, partitions)
    except Refused as refused:
        return refused


def _outcome(item: tuple[str, Arrival] | Refused, fresh: set[int]) -> Outcome:
    if isinstance(item, Refused):
        return SetAside(item)
    return Said((), "evidence" if id(item[1]) in fresh else "unchanged")
