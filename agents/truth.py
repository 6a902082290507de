"""Make the cache true before anything is decided on it: its evidence, and what was asked."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from operator import gt

import structlog

from streams import metrics
from streams.app import BatchApp
from streams.cache import Cache, Stored, Update
from streams.loaded import DAMAGED, UNFINISHED, Loaded
from streams.parts import Parts
from streams.recovery import ends_of, patient_asked, rebuild, recalled, requests_since
from streams.state import Asked

log = structlog.get_logger()


_DAMAGED, _EMPTIED, _ROLLED_BACK, _OF_OTHER_TOPICS = _CAUSES = ("damaged", "emptied", "rolled-back", "of-other-topics")


class Truth:
    """What the cache of each owned partition must hold, and how it is made to."""

    def __init__(self, parts: Parts, cache: Cache, app: BatchApp) -> None:
        self._parts = parts
        self._cache = cache
        self._app = app
        self._doubtful: set[int] = set()
        self._takeovers = 0
        self._asked: dict[int, int] = {}
        self.expected: dict[int, int] = {}
        """Partition -> the offset of the evidence up to which the cache must be true."""
        for cause in _CAUSES:
            metrics.CACHE_REBUILDS.labels(cause)  # at 0, as metrics.begin does

    def keep_to(self, owned: set[int]) -> None:
        """Forget the partitions that others own now."""
        self.expected = {partition: mark for partition, mark in self.expected.items() if partition in owned}
        self._asked = {partition: end for partition, end in self._asked.items() if partition in owned}
        self._doubtful &= owned

    def doubt(self, partitions: Iterable[int]) -> None:
        """These may have been asked more than the cache knows: a request is on its way to Kafka, and not yet stored."""
        self._doubtful.update(partitions)

    def believe(self, partitions: Iterable[int], applied: Mapping[int, int], asked: Mapping[int, int]) -> None:
        """These were stored, with the evidence up to `applied` and the requests before `asked`."""
        for partition in partitions:
            self._doubtful.discard(partition)
            if partition in applied:
                self.expected[partition] = max(applied[partition], self.expected.get(partition, -1))
            if partition in asked:
                self._asked[partition] = asked[partition]

    async def hold(self, loaded: Loaded) -> bool:
        """Repair what is behind or in doubt among these partitions; True where something was: read them again."""
        now, applied = datetime.now(UTC), loaded.applied
        if self._takeovers != self._app.takeovers:
            self._takeovers = self._app.takeovers
            self.keep_to(set())  # what comes back was perhaps another's: frozen, this worker would not have noticed
        untrue = await self._take_over(loaded, now)
        untrue |= {partition for partition, mark in applied.items() if mark < self.expected[partition]}
        for partition in untrue:
            await self._rebuild(partition, applied[partition], now)
        self.doubt(partition for partition, end in loaded.asked.items() if end < self._asked.get(partition, 0))
        in_doubt = self._doubtful & applied.keys()
        if in_doubt:
            await self._recall(in_doubt, now)
        return bool(untrue or in_doubt)

    async def _take_over(self, loaded: Loaded, now: datetime) -> set[int]:
        """Begin with the partitions that are new to us; those whose cache knows more than Kafka holds are returned.

        It was made of other topics: of a broker before this one, or of topics that were deleted since.
        """
        ours = loaded.applied.keys() - self.expected.keys()
        if not ours:
            return set()
        parts = self._parts
        ends = await ends_of(parts.settings, parts.topics, ours)
        for partition in ours:
            await self._cache.adopt(partition, parts.policy.model, now)
            self._doubtful.add(partition)
            committed = self._app.committed(parts.topics.evidence, partition)
            self.expected[partition] = min(committed, ends[partition][0]) - 1
        marks = {partition: (loaded.applied[partition] + 1, loaded.asked.get(partition, 0)) for partition in ours}
        return {partition for partition in ours if any(map(gt, marks[partition], ends[partition]))}

    async def _rebuild(self, partition: int, mark: int, now: datetime) -> None:
        expected = self.expected[partition]
        cause = _cause(mark, expected)
        log.warning("cache_untrue", partition=partition, cause=cause)
        metrics.CACHE_REBUILDS.labels(cause).inc()

        def progress(which: int, count: int) -> None:
            log.info("rebuilding", partition=which, records=count)

        parts, until = self._parts, expected + 1
        await rebuild(parts.settings, parts.topics, self._cache, partition, until=until, now=now, progress=progress)

    async def _recall(self, partitions: set[int], now: datetime) -> None:
        """Take over what was asked and never stored: another worker, or this one, ended between the two."""
        ends = await self._cache.asked(partitions)
        messages = await requests_since(self._parts.settings, self._parts.topics, ends)
        asked = {patient: message.partition for message in messages if (patient := patient_asked(message))}
        loaded = await self._cache.load_with(asked, partitions)
        damaged = {partition for partition in partitions if loaded.applied[partition] in (DAMAGED, UNFINISHED)}
        if damaged:  # of patients that nobody else may ask for; what is in doubt stays so, and is recalled next
            for partition in damaged:
                await self._rebuild(partition, loaded.applied[partition], now)
            return
        updates: dict[int, list[Update]] = {partition: [] for partition in partitions}
        for patient, after in recalled(loaded.patients, messages).items():
            before = loaded.patients[patient]
            if _differs(before.header.asked, after.header.asked):
                updates[asked[patient]].append(Update(before, after, now))
        ends |= {message.partition: message.offset + 1 for message in messages}
        answers = await self._cache.store(updates, self.expected, {}, ends)
        self.believe((partition for partition, answer in answers.items() if answer is Stored.DONE), {}, ends)


def _cause(mark: int, expected: int) -> str:
    """Why a partition is built again."""
    if mark == DAMAGED:
        return _DAMAGED
    if mark < 0:
        return _EMPTIED
    return _ROLLED_BACK if mark < expected else _OF_OTHER_TOPICS


def _differs(known: Asked | None, found: Asked | None) -> bool:
    return found is not None and (known is None or (known.id, known.revision) != (found.id, found.revision))
