"""The patients of a partition in Redis: read in one round trip, stored in another, only if unchanged (DESIGN §4)."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from streams import metrics
from streams.loaded import Loaded, asked_from, due_from, loaded_from, waiting_from
from streams.patient_fields import Damaged, field_of, is_of_another_kind, readable
from streams.rebuilding import Rebuilding
from streams.state import PatientState

_SCRIPT = files("streams").joinpath("store.lua").read_text()


class Stored(Enum):
    """What became of a store."""

    CACHE_BEHIND = -1
    CHANGED_MEANWHILE = 0
    DONE = 1


@dataclass(frozen=True)
class Update:
    """A patient as read and as it is to be stored, with the time to decide again (None for never)."""

    before: PatientState
    after: PatientState
    due: datetime | None


class Cache:
    """Redis as a cache of the evidence: nothing here is the truth."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._script = redis.register_script(_SCRIPT)
        self._known = False

    async def load(self, patients: Mapping[str, int]) -> Loaded:
        """Read patients (id -> partition) and their partitions' marks in one round trip."""
        return await self.load_with(patients, ())

    async def load_with(self, patients: Mapping[str, int], partitions: Iterable[int]) -> Loaded:
        """`load`, with the marks of further partitions."""
        wanted = sorted(set(patients.values()) | set(partitions))
        started = time.perf_counter()
        async with self._redis.pipeline(transaction=False) as pipe:
            for mark in ("applied", "asked"):
                for partition in wanted:
                    pipe.get(self._key(partition, mark))
            for patient, partition in patients.items():
                pipe.hgetall(self._key(partition, f"patient:{patient}"))
            answers = await pipe.execute(raise_on_error=False)
        metrics.CACHE_SECONDS.labels("load").observe(time.perf_counter() - started)
        return loaded_from(wanted, patients, answers)

    async def store(
        self,
        updates: Mapping[int, Sequence[Update]],
        expected: Mapping[int, int],
        applied: Mapping[int, int],
        asked: Mapping[int, int] = MappingProxyType({}),
    ) -> dict[int, Stored]:
        """Store the updates of each partition, all or none of a partition, in one round trip for all partitions.

        `asked` is the offset of the requests from which on the cache does not know them.
        """
        started = time.perf_counter()
        await self._script_loaded()
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition, rows in updates.items():
                marks = (expected.get(partition, -1), applied.get(partition, -1), asked.get(partition, 0))
                keys, args = self._call(partition, rows, marks)
                pipe.evalsha(self._script.sha, len(keys), *keys, *args)
            answers = await pipe.execute(raise_on_error=False)
        metrics.CACHE_SECONDS.labels("store").observe(time.perf_counter() - started)
        return {
            partition: await self._stored(partition, each) for partition, each in zip(updates, answers, strict=True)
        }

    async def due(self, partitions: Iterable[int], now: datetime, most: int) -> dict[str, int]:
        """Patients (id -> partition) whose decision is due, at most `most` a partition."""
        wanted = sorted(partitions)
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition in wanted:
                pipe.zrangebyscore(self._key(partition, "due"), "-inf", now.timestamp(), start=0, num=most)
                pipe.zcard(self._key(partition, "due"))
            answers = await pipe.execute(raise_on_error=False)
        found: dict[str, int] = {}
        for partition, names in zip(wanted, answers[::2], strict=True):
            try:
                found.update(dict.fromkeys(due_from(names), partition))
            except Damaged:
                await self.mark_damaged(partition)
        metrics.PATIENTS_WAITING.set(sum(map(waiting_from, answers[1::2])))
        return found

    async def waiting(self, partitions: Iterable[int]) -> int:
        """How many patients have a decision due now or later."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition in partitions:
                pipe.zcard(self._key(partition, "due"))
            return sum(map(waiting_from, await pipe.execute(raise_on_error=False)))

    async def asked(self, partitions: Iterable[int]) -> dict[int, int]:
        """For each partition, the offset of the requests from which on the cache does not know them."""
        wanted = sorted(partitions)
        values = await self._redis.mget([self._key(partition, "asked") for partition in wanted]) if wanted else []
        return {partition: asked_from(value) for partition, value in zip(wanted, values, strict=True)}

    async def adopt(self, partition: int, model: str, now: datetime) -> None:
        """Make every patient of the partition due where another network served it before, or that cannot be told."""
        try:
            await self._adopt(partition, model, now)
        except ResponseError as error:
            if not is_of_another_kind(error):
                raise
            await self.mark_damaged(partition)

    async def _adopt(self, partition: int, model: str, now: datetime) -> None:
        key = self._key(partition, "model")
        if await self._redis.get(key) == model.encode():
            return
        start = len(self._key(partition, "patient:").encode())
        async for name in self._redis.scan_iter(match=f"{self._key(partition, 'patient:')}*", count=1000):
            await self._redis.zadd(self._key(partition, "due"), {name[start:]: now.timestamp()})
        await self._redis.set(key, model)

    async def replace(
        self, partition: int, states: Iterable[PatientState], applied: int, now: datetime, asked: int = 0
    ) -> bool:
        """Put a rebuilt partition in place of what is there; False where another builds it now, and is left to it."""
        rebuilding = Rebuilding(self._redis, partial(self._key, partition))
        return await rebuilding.run(states, applied, now, asked)

    async def mark_damaged(self, partition: int) -> None:
        """Whoever reads the mark of this partition next, now or after a restart, has it built again."""
        await self._redis.set(self._key(partition, "applied"), "damaged")

    async def _stored(self, partition: int, answer: Any) -> Stored:
        """What became of a partition's store; raises what Redis refused."""
        try:
            return Stored(readable(answer))
        except NoScriptError:  # Redis was restarted: the retry loads the script again
            self._known = False
            raise
        except Damaged:
            await self.mark_damaged(partition)
            return Stored.CACHE_BEHIND

    async def _script_loaded(self) -> None:
        if not self._known:
            await self._redis.script_load(_SCRIPT)
            self._known = True

    def _call(self, partition: int, rows: Sequence[Update], marks: tuple[int, ...]) -> tuple[list[str], list[Any]]:
        keys = [self._key(partition, name) for name in ("applied", "due", "asked")]
        args: list[Any] = [*marks]
        for row in rows:
            keys.append(self._key(partition, f"patient:{row.after.patient}"))
            args.extend(_arguments(row))
        return keys, args

    def _key(self, partition: int, name: str) -> str:
        return f"{self._prefix}{{p{partition}}}:{name}"


def _arguments(row: Update) -> list[Any]:
    old, new = row.before.picture, row.after.picture
    changed = {field_of(key): piece.to_json() for key, piece in new.items() if piece is not old.get(key)}
    changed["#header"] = row.after.header.to_json()
    gone = [field_of(key) for key in old if key not in new]
    due = "" if row.due is None else row.due.timestamp()
    fields = [part for pair in changed.items() for part in pair]
    version = row.before.header.version
    return [version, version + 1, due, row.after.patient, len(changed), *fields, len(gone), *gone]
