import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from assembly_bench import Assembly, KafkaWriter
from prometheus_client import REGISTRY

from agents.patients import Patients
from schemas.errors import Unavailable
from schemas.evidence import Evidence, EvidenceStatus, Modality, Origin, evidence
from schemas.request import Request
from schemas.tokens import ObservationToken
from streams.kafka import admin, writer
from streams.opened import opened
from streams.publisher import Outgoing, Publisher
from streams.recovery import rebuild, requests_since
from streams.settings import Places, read_settings
from streams.state import PatientState
from streams.step import SetAside
from streams.topics import create_topics, named

pytestmark = pytest.mark.slow
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLINICAL, GENOMIC = Modality.CLINICAL, Modality.GENOMIC

WithAssembly = Callable[[Callable[[Assembly], Awaitable[None]]], None]


@pytest.fixture
def with_assembly(fresh_settings: Any, monkeypatch: pytest.MonkeyPatch) -> WithAssembly:
    """Runs an async function with an assembly on real servers that asks at once, with one modality."""
    monkeypatch.setenv("ONCOSTREAM_TRIGGER_SETTLE", "PT0S")
    monkeypatch.setenv("ONCOSTREAM_TRIGGER_MIN_MODALITIES", "1")
    settings = read_settings()

    async def go(visit: Callable[[Assembly], Awaitable[None]]) -> None:
        async with opened(writer(settings.places.kafka, settings.kafka)) as producer:
            assembly = Assembly(settings, Publisher(KafkaWriter(producer)))
            async with opened(admin(settings.places.kafka, settings.kafka)) as client:
                await create_topics(client, assembly.parts.topics, 4, 1)
            await visit(assembly)
            await assembly.parts.redis.aclose()

    return lambda visit: asyncio.run(go(visit))


def piece(patient: str, source: str, modality: Modality = CLINICAL, *, version: int = 1,
          status: EvidenceStatus = EvidenceStatus.CURRENT) -> Evidence:  # fmt: skip
    return evidence(
        patient=patient, modality=modality, source=source, version=f"v{version}", occurred_at=NOON, status=status,
        tokens=[ObservationToken(code="c", value=float(version), at=NOON)],
        origin=Origin(topic="in", partition=0, offset=0),
    )  # fmt: skip


def remembered(state: PatientState) -> object:
    """What a rebuild must bring back of a patient: all but the counter, the trace and the moments of asking."""
    asked = state.header.asked
    return state.picture, state.header.truncated, asked and asked.model_copy(update={"at": NOON})


def ignore_progress(partition: int, count: int) -> None:
    pass


async def some_lives(assembly: Assembly) -> None:
    """Patients with corrections, late versions, withdrawals, erasures and records that are none."""
    a = piece("p-a", "1")
    await assembly.publish(a, piece("p-a", "g", GENOMIC), piece("p-b", "1", version=2), piece("p-b", "1"))
    await assembly.absorb_the_rest()
    await assembly.publish(piece("p-a", "2"), piece("p-c", "1"), piece("p-b", "2"))
    await assembly.publish(piece("p-c", "1", version=2, status=EvidenceStatus.WITHDRAWN))
    nonsense = Outgoing(assembly.parts.topics.evidence, b"?", b"not evidence", assembly.home("p-a"))
    strayed = Outgoing(assembly.parts.topics.evidence, b"?", piece("p-a", "stray").to_json(), assembly.home("p-a") ^ 1)
    await assembly.publisher.publish([nonsense, strayed, assembly.record(a, None)])
    outcomes = await assembly.absorb_the_rest()
    assert sum(isinstance(outcome, SetAside) for outcome in outcomes) == 2
    await assembly.absorb_the_rest()  # the winner that was published again


def test_a_rebuilt_partition_is_what_assembly_had(
    with_assembly: WithAssembly,
) -> None:
    async def visit(assembly: Assembly) -> None:
        await some_lives(assembly)
        patients = {name: assembly.home(name) for name in ("p-a", "p-b", "p-c")}
        before = (await assembly.cache.load(patients)).patients
        assert [len(before[name].picture) for name in patients] == [2, 2, 1]
        asked = before["p-a"].header.asked
        assert asked is not None
        assert asked.revision == 2
        for partition in range(4):
            until = assembly.absorbed.get(partition, -1) + 1
            await rebuild(
                assembly.settings, assembly.parts.topics, assembly.cache, partition,
                until=until, now=NOON, progress=ignore_progress,
            )  # fmt: skip
        after = await assembly.cache.load(patients)
        assert after.applied == {partition: assembly.absorbed[partition] for partition in set(patients.values())}
        assert {name: remembered(after.patients[name]) for name in patients} == {
            name: remembered(before[name]) for name in patients
        }

    with_assembly(visit)


async def lose(assembly: Assembly, fault: str, backup: dict[bytes, bytes]) -> None:
    """Do to the cache what the fault is called."""
    redis, prefix, home = assembly.parts.redis, assembly.settings.kafka.prefix, assembly.home("p-a")
    if fault in ("emptied", "rolled-back"):
        await redis.delete(*await redis.keys(f"{prefix}*"))
    for key, value in backup.items() if fault == "rolled-back" else ():
        await redis.restore(key, 0, value)
    if fault == "damaged":
        await redis.hset(f"{prefix}{{p{home}}}:patient:p-a", "#header", b"\xff no header")
    if fault == "damaged-mark":
        await redis.set(f"{prefix}{{p{home}}}:applied", "no offset")
    if fault == "damaged-version":
        await redis.hset(f"{prefix}{{p{home}}}:patient:p-a", "#version", "05")
    if fault == "damaged-digits":
        await redis.set(f"{prefix}{{p{home}}}:applied", "1_0")


@pytest.mark.parametrize(
    "fault", ["emptied", "rolled-back", "damaged", "damaged-mark", "damaged-version", "damaged-digits"]
)
def test_a_cache_that_lost_its_memory_is_noticed_and_revisions_count_on(
    with_assembly: WithAssembly, fault: str
) -> None:
    async def visit(assembly: Assembly) -> None:
        redis, topics = assembly.parts.redis, assembly.parts.topics
        prefix, home = assembly.settings.kafka.prefix, assembly.home("p-a")
        await assembly.publish(piece("p-a", "1"), piece("p-a", "g", GENOMIC))
        await assembly.absorb_the_rest()
        backup = {key: await redis.dump(key) for key in await redis.keys(f"{prefix}*")}
        await assembly.publish(piece("p-a", "2"))
        await assembly.absorb_the_rest()
        await lose(assembly, fault, backup)
        await assembly.publish(piece("p-a", "3"))
        await asyncio.wait_for(assembly.absorb_the_rest(), 30)
        asked = [Request.model_validate_json(message.value or b"") for message in await assembly.log(topics.requests)]
        assert [request.history.revision for request in asked] == [1, 2, 3]
        assert [request.history.supersedes for request in asked] == [None, asked[0].id, asked[1].id]
        assert len((await assembly.cache.load({"p-a": home})).patients["p-a"].picture) == 4

    with_assembly(visit)


def test_a_damaged_patient_that_only_a_recall_reads_is_built_again_too(with_assembly: WithAssembly) -> None:
    async def visit(assembly: Assembly) -> None:
        home, prefix = assembly.home("p-a"), assembly.settings.kafka.prefix
        other = next(name for name in (f"p-{number}" for number in range(99)) if assembly.home(name) == home)
        await assembly.publish(piece("p-a", "1"), piece(other, "1"))
        await assembly.absorb_the_rest()
        before = (await assembly.cache.load({other: home})).patients[other]
        await assembly.parts.redis.set(f"{prefix}{{p{home}}}:patient:{other}", "no patient")
        await assembly.parts.redis.delete(f"{prefix}{{p{home}}}:asked")  # the next worker reads every request again
        assembly.owner.commits = {partition: offset + 1 for partition, offset in assembly.absorbed.items()}
        assembly.patients = Patients(assembly.parts, assembly.publisher, assembly.owner)
        await assembly.publish(piece("p-a", "2"))
        await asyncio.wait_for(assembly.absorb_the_rest(), 30)
        assert remembered((await assembly.cache.load({other: home})).patients[other]) == remembered(before)

    with_assembly(visit)


@pytest.mark.parametrize("committed", [0, 2], ids=["of-a-new-broker", "of-deleted-topics"])
def test_a_cache_of_other_topics_than_these_is_noticed(with_assembly: WithAssembly, committed: int) -> None:
    """It knew all that came, and that it had been asked of: nobody was ever asked again."""

    async def visit(assembly: Assembly) -> None:
        topics, settings, home = assembly.parts.topics, assembly.settings, assembly.home("p-a")
        await assembly.publish(piece("p-a", "1"), piece("p-a", "g", GENOMIC))
        await assembly.absorb_the_rest()
        async with opened(admin(settings.places.kafka, settings.kafka)) as client:
            await client.delete_topics([topics.evidence, topics.requests])
            await wait_until_gone(client, topics.evidence, topics.requests)
            await create_topics(client, topics, 4, 1)
        assembly.absorbed.clear()
        assembly.owner.commits = {home: committed}
        assembly.patients = Patients(assembly.parts, assembly.publisher, assembly.owner)
        await assembly.publish(piece("p-a", "1"))
        await assembly.absorb_the_rest()
        (asked,) = await asked_in(assembly)
        assert (asked.history.revision, len(asked.evidence)) == (1, 1)
        assert (await assembly.cache.load({"p-a": home})).applied == {home: 0}

    with_assembly(visit)


async def wait_until_gone(client: AIOKafkaAdminClient, *topics: str) -> None:
    """Deleting goes on after its answer."""
    while set(topics) & set(await client.list_topics()):
        await asyncio.sleep(0.1)


async def saved(assembly: Assembly) -> dict[bytes, bytes]:
    """The whole cache of this installation."""
    redis = assembly.parts.redis
    return {key: await redis.dump(key) for key in await redis.keys(f"{assembly.settings.kafka.prefix}*")}


async def asked_in(assembly: Assembly) -> list[Request]:
    """Every request, in order."""
    messages = await assembly.log(assembly.parts.topics.requests)
    return [Request.model_validate_json(message.value or b"") for message in messages]


def test_what_others_asked_and_never_stored_is_known_when_a_partition_comes_back(with_assembly: WithAssembly) -> None:
    """A frozen worker did not see it go: another one asked, and died before its store."""

    async def visit(assembly: Assembly) -> None:
        await assembly.publish(piece("p-a", "1"))
        await assembly.absorb_the_rest()
        ours, absorbed, before = assembly.patients, dict(assembly.absorbed), await saved(assembly)
        assembly.patients = Patients(assembly.parts, assembly.publisher, assembly.owner)
        await assembly.publish(piece("p-a", "2"))
        await assembly.absorb_the_rest()
        await lose(assembly, "rolled-back", before)  # as if that had asked, and not stored
        assembly.patients, assembly.absorbed = ours, absorbed
        assembly.owner.takeovers += 1
        await assembly.publish(piece("p-a", "3"))
        await assembly.absorb_the_rest()
        asked = await asked_in(assembly)
        assert [(request.history.revision, len(request.evidence)) for request in asked] == [(1, 1), (2, 2), (3, 3)]

    with_assembly(visit)


def test_a_cache_that_lost_only_what_was_asked_is_noticed(with_assembly: WithAssembly) -> None:
    """A failover loses the last writes: the clock had asked, and no evidence has come since."""

    async def visit(assembly: Assembly) -> None:
        assembly.settle(timedelta(seconds=2))
        await assembly.patients.fire_due(datetime.now(UTC), 9)  # takes the partitions over
        await assembly.publish(piece("p-a", "1"))
        await assembly.absorb_the_rest()
        assert await asked_in(assembly) == []
        before = await saved(assembly)
        await asyncio.sleep(2)  # the time to settle
        await assembly.patients.fire_due(datetime.now(UTC), 9)
        await lose(assembly, "rolled-back", before)
        await assembly.publish(piece("p-a", "2"))
        await assembly.absorb_the_rest()
        await asyncio.sleep(2)
        await assembly.patients.fire_due(datetime.now(UTC), 9)
        asked = await asked_in(assembly)
        assert [(request.history.revision, len(request.evidence)) for request in asked] == [(1, 1), (2, 2)]

    with_assembly(visit)


def test_what_a_rebuild_read_of_the_requests_is_not_read_again(with_assembly: WithAssembly) -> None:
    """They are held in memory where a partition is taken over: 90 days of a hospital's do not fit."""

    async def visit(assembly: Assembly) -> None:
        home = assembly.home("p-a")
        await assembly.publish(piece("p-a", "1"))
        await assembly.absorb_the_rest()
        await rebuild(
            assembly.settings, assembly.parts.topics, assembly.cache, home,
            until=1, now=NOON, progress=ignore_progress,
        )  # fmt: skip
        assert await assembly.cache.asked([home]) == {home: 1}

    with_assembly(visit)


class Forgetful(KafkaWriter):
    """Loses what it is told to while a record is on its way, once."""

    lose: Callable[[], Awaitable[None]] | None = None

    async def send(self, *record: Any) -> "asyncio.Future[object]":
        if self.lose is not None:
            lose, self.lose = self.lose, None
            await lose()
        return await super().send(*record)


def test_sources_dropped_over_the_cap_are_counted_when_that_is_stored(with_assembly: WithAssembly) -> None:
    async def visit(assembly: Assembly) -> None:
        assembly.parts = replace(assembly.parts, policy=replace(assembly.parts.policy, cap=2))
        await assembly.publish(piece("p-a", "1"), piece("p-a", "2"))
        async with opened(writer(assembly.settings.places.kafka, assembly.settings.kafka)) as producer:
            sender = Forgetful(producer)
            assembly.patients = Patients(assembly.parts, Publisher(sender), assembly.owner)
            await assembly.absorb_the_rest()
            before = REGISTRY.get_sample_value("oncostream_truncated_total") or 0.0
            sender.lose = lambda: lose(assembly, "emptied", {})
            await assembly.publish(piece("p-a", "3"))
            await assembly.absorb_the_rest()
            assert sender.lose is None
        assert REGISTRY.get_sample_value("oncostream_truncated_total") == before + 1

    with_assembly(visit)


def key_of(assembly: Assembly, partition: int, name: str) -> str:
    return f"{assembly.settings.kafka.prefix}{{p{partition}}}:{name}"


async def turn_into_a_list(assembly: Assembly, name: str) -> None:
    """Make one key of the home partition of p-a a list, which none of them is."""
    key = key_of(assembly, assembly.home("p-a"), name)
    await assembly.parts.redis.delete(key)
    await assembly.parts.redis.rpush(key, "nobody stored this")


def rebuilds_of_damage() -> float:
    return REGISTRY.get_sample_value("oncostream_cache_rebuilds_total", {"cause": "damaged"}) or 0.0


@pytest.mark.parametrize("name", ["due", "asked", "model"])
def test_a_key_of_another_kind_is_damage_that_a_worker_at_its_start_repairs(
    with_assembly: WithAssembly, name: str
) -> None:
    async def visit(assembly: Assembly) -> None:
        await assembly.publish(piece("p-a", "1"), piece("p-a", "g", GENOMIC))
        await assembly.absorb_the_rest()
        await turn_into_a_list(assembly, name)
        assembly.owner.commits = {partition: offset + 1 for partition, offset in assembly.absorbed.items()}
        assembly.patients = Patients(assembly.parts, assembly.publisher, assembly.owner)
        before = rebuilds_of_damage()
        await assembly.publish(piece("p-a", "2"))
        await asyncio.wait_for(assembly.absorb_the_rest(), 30)
        assert rebuilds_of_damage() == before + 1
        messages = await assembly.log(assembly.parts.topics.requests)
        assert [Request.model_validate_json(message.value or b"").history.revision for message in messages] == [1, 2]
        loaded = await assembly.cache.load({"p-a": assembly.home("p-a")})
        assert len(loaded.patients["p-a"].picture) == 3

    with_assembly(visit)


def test_deadlines_of_another_kind_are_repaired_by_the_clock_alone(with_assembly: WithAssembly) -> None:
    async def visit(assembly: Assembly) -> None:
        await assembly.publish(piece("p-a", "1"))
        await assembly.absorb_the_rest()
        await turn_into_a_list(assembly, "due")
        before = rebuilds_of_damage()
        for _ in range(3):  # noticed, built again, and from then on as ever
            await assembly.patients.fire_due(datetime.now(UTC), 9)
        assert rebuilds_of_damage() == before + 1
        assert await assembly.cache.due(range(4), datetime.now(UTC), 9) == {}
        loaded = await assembly.cache.load({"p-a": assembly.home("p-a")})
        assert len(loaded.patients["p-a"].picture) == 1

    with_assembly(visit)


def test_a_patient_among_the_due_of_another_partition_is_damage(with_assembly: WithAssembly) -> None:
    async def visit(assembly: Assembly) -> None:
        await assembly.publish(piece("p-a", "1"))
        await assembly.absorb_the_rest()
        away = assembly.home("p-a") ^ 1
        await assembly.parts.redis.zadd(key_of(assembly, away, "due"), {"p-a": 0})
        before = rebuilds_of_damage()
        for _ in range(3):
            await assembly.patients.fire_due(datetime.now(UTC), 9)
        assert rebuilds_of_damage() == before + 1
        assert await assembly.cache.due(range(4), datetime.now(UTC), 9) == {}

    with_assembly(visit)


def test_a_worker_whose_cache_failed_while_it_took_a_partition_over_takes_it_over_later(
    with_assembly: WithAssembly,
) -> None:
    async def visit(assembly: Assembly) -> None:
        redis = assembly.parts.redis
        await assembly.publish(piece("p-a", "1"))
        await assembly.absorb_the_rest()
        served = f"{assembly.settings.kafka.prefix}{{p{assembly.home('p-a')}}}:model"
        await redis.set(served, "another")
        assembly.patients = Patients(assembly.parts, assembly.publisher, assembly.owner)
        try:
            await redis.execute_command("ACL", "SETUSER", "default", "-scan")
            await assembly.patients.fire_due(datetime.now(UTC), 9)
        finally:
            await redis.execute_command("ACL", "SETUSER", "default", "+scan")
        assert await redis.get(served) == b"another"
        await assembly.patients.fire_due(datetime.now(UTC), 9)
        assert await redis.get(served) == assembly.parts.policy.model.encode()

    with_assembly(visit)


def test_a_worker_that_lost_a_partition_says_nothing_of_its_patients(with_assembly: WithAssembly) -> None:
    async def visit(assembly: Assembly) -> None:
        await assembly.publish(piece("p-1", "s-1"))
        assembly.owner.owned = set(range(4)) - {assembly.home("p-1")}
        with pytest.raises(Unavailable, match="lost a partition"):
            await assembly.absorb_the_rest()
        assert await assembly.log(assembly.parts.topics.requests) == []

    with_assembly(visit)


def test_a_reader_whose_broker_is_away_is_closed_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = replace(read_settings(), places=Places(kafka="127.0.0.1:1"))

    async def visit() -> None:
        with pytest.raises(KafkaConnectionError):
            await requests_since(nowhere, named(""), {0: 0})
        gc.collect()

    asyncio.run(visit())
    assert "Unclosed" not in caplog.text
