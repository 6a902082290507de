"""`rebuild` beside a worker of the same partition, at every step of it: killed there, or with the worker at work."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from assembly_bench import Assembly, KafkaWriter
from redis.asyncio import Connection, ConnectionPool, Redis

from schemas.evidence import Evidence, Modality, Origin, evidence
from schemas.request import Request
from schemas.tokens import ObservationToken
from streams.cache import Cache
from streams.kafka import admin, writer
from streams.opened import opened
from streams.publisher import Publisher
from streams.recovery import rebuild
from streams.settings import read_settings
from streams.topics import create_topics

pytestmark = pytest.mark.slow
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Killed(BaseException):
    """The end of the command."""


class Watched(Connection):
    """A connection of which every send is announced: a pipeline is one send."""

    before: Callable[[], Awaitable[None]]
    after: Callable[[], None]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        await Watched.before()
        await super().send_packed_command(command, check_health)
        await asyncio.sleep(0.02)  # the server does what it was sent
        Watched.after()


def piece(patient: str, source: str) -> Evidence:
    return evidence(
        patient=patient, modality=Modality.CLINICAL, source=source, version="v1", occurred_at=NOON,
        tokens=[ObservationToken(code="c", value=1.0, at=NOON)],
        origin=Origin(topic="in", partition=0, offset=0),
    )  # fmt: skip


class Command:
    """`oncostream rebuild` of one partition, up to what was committed when it began."""

    def __init__(self, assembly: Assembly, partition: int, at: int, *, killed: bool) -> None:
        self.sends, self.at, self.killed, self.done = 0, at, killed, False
        self._assembly = assembly
        self._partition = partition
        self._until = assembly.absorbed[partition] + 1

    async def run(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        async def before() -> None:
            self.sends += 1
            if self.sends >= self.at and not (self.killed and self.sends > self.at):
                await meanwhile()

        def after() -> None:
            if self.killed and self.sends == self.at:
                raise Killed

        Watched.before, Watched.after = staticmethod(before), staticmethod(after)
        assembly, settings = self._assembly, self._assembly.settings
        pool = ConnectionPool.from_url(settings.places.redis, connection_class=Watched, lib_name=None, lib_version=None)
        async with Redis.from_pool(pool) as redis:
            cache = Cache(redis, settings.kafka.prefix)
            with suppress(Killed):
                self.done = await rebuild(
                    settings, assembly.parts.topics, cache, self._partition,
                    until=self._until, now=NOON, progress=lambda partition, count: None,
                )  # fmt: skip


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "beside"])
@pytest.mark.parametrize("at", range(3, 11))  # the first two greet the server; after the ninth it is done
def test_a_half_rebuilt_partition_is_never_taken_for_whole(
    fresh_settings: Any, monkeypatch: pytest.MonkeyPatch, at: int, killed: bool
) -> None:
    monkeypatch.setenv("ONCOSTREAM_TRIGGER_SETTLE", "PT0S")
    monkeypatch.setenv("ONCOSTREAM_TRIGGER_MIN_MODALITIES", "1")
    settings = read_settings()

    async def visit(assembly: Assembly) -> None:
        home = assembly.home("p-a")
        other = next(name for name in (f"p-{number}" for number in range(99)) if assembly.home(name) == home)
        await assembly.publish(piece("p-a", "0"), piece(other, "0"))
        await assembly.absorb_the_rest()
        count = 0

        async def the_worker_goes_on() -> None:
            nonlocal count
            count += 1
            await assembly.publish(piece("p-a", str(count)))
            await asyncio.wait_for(assembly.absorb_the_rest(), 20)

        command = Command(assembly, home, at, killed=killed)
        await command.run(the_worker_goes_on)
        assert command.done is (command.sends < at)  # else the worker took the partition over, or it was killed
        await the_worker_goes_on()
        await assembly.patients.fire_due(datetime.now(UTC), 9)
        loaded = (await assembly.cache.load({"p-a": home, other: home})).patients
        assert {name: len(state.picture) for name, state in loaded.items()} == {"p-a": count + 1, other: 1}
        asked = [
            Request.model_validate_json(each.value or b"")
            for each in await assembly.log(assembly.parts.topics.requests)
        ]
        told = [(each.history.revision, len(each.evidence)) for each in asked if each.patient == "p-a"]
        assert told == [(number, number) for number in range(1, count + 2)]
        assert [each.history.revision for each in asked if each.patient == other] == [1]

    asyncio.run(_with_assembly(settings, visit))


async def _with_assembly(settings: Any, visit: Callable[[Assembly], Awaitable[None]]) -> None:
    async with opened(writer(settings.places.kafka, settings.kafka)) as producer:
        assembly = Assembly(settings, Publisher(KafkaWriter(producer)))
        async with opened(admin(settings.places.kafka, settings.kafka)) as client:
            await create_topics(client, assembly.parts.topics, 4, 1)
        await visit(assembly)
        await assembly.parts.redis.aclose()
