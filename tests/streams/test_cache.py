import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from deploy.local.cache import start_cache
from schemas.evidence import Evidence, Modality, Origin, evidence
from schemas.request import Status
from schemas.tokens import ObservationToken
from streams.cache import Cache, Stored, Update
from streams.loaded import DAMAGED
from streams.state import Asked, Header, PatientState

pytestmark = pytest.mark.slow
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Visit = Callable[[Redis, Cache], Awaitable[None]]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey of this module's own, since its tests empty it."""
    with start_cache(tmp_path_factory.mktemp("home")) as server:
        yield server.address


@pytest.fixture
def with_cache(address: str) -> Callable[[Visit], None]:
    """Runs an async function with an emptied cache."""

    def run(visit: Visit) -> None:
        async def go() -> None:
            async with Redis.from_url(address) as redis:
                await redis.flushall()
                await redis.script_flush()
                await visit(redis, Cache(redis, "t."))

        asyncio.run(go())

    return run


def piece(source: str, patient: str = "p-1", version: int = 1) -> Evidence:
    return evidence(
        patient=patient, modality=Modality.CLINICAL, source=source, version=f"v{version}", occurred_at=NOON,
        tokens=[ObservationToken(code="c", value=float(version), at=NOON)],
        origin=Origin(topic="t", partition=0, offset=0),
    )  # fmt: skip


def known(*pieces: Evidence, patient: str = "p-1", version: int = 0) -> PatientState:
    asked = Asked(id="i", model="m", revision=3, status=Status.FINAL, ever_final=True, at=NOON, hashes={"a|b": "h"})
    header = Header(version=version, first_evidence=NOON, last_evidence=NOON, asked=asked, trace=(("a", "b"),))
    return PatientState(patient, header, {(one.modality, one.source): one for one in pieces})


def update(before: PatientState, after: PatientState, due: datetime | None = None) -> Update:
    return Update(before, after, due)


def stored_as(state: PatientState, version: int) -> PatientState:
    """A state as it comes back after its store."""
    return replace(state, header=state.header.model_copy(update={"version": version}))


def new(patient: str = "p-1") -> PatientState:
    return PatientState(patient)


def test_what_is_stored_is_loaded_again_as_it_was(with_cache: Callable[[Visit], None]) -> None:
    async def visit(_: Redis, cache: Cache) -> None:
        first, other = known(piece("a"), piece("b")), known(piece("a", "p|2"), patient="p|2")
        empty = await cache.load({"p-1": 7, "p|2": 9})
        assert (empty.applied, empty.patients) == ({7: -1, 9: -1}, {"p-1": new(), "p|2": new("p|2")})
        updates = {7: [update(new(), first)], 9: [update(new("p|2"), other)]}
        assert await cache.store(updates, {}, {7: 41, 9: 5}) == {7: Stored.DONE, 9: Stored.DONE}
        loaded = await cache.load_with({"p-1": 7, "p|2": 9}, [8])
        assert loaded.applied == {7: 41, 8: -1, 9: 5}
        assert loaded.patients == {"p-1": stored_as(first, 1), "p|2": stored_as(other, 1)}

    with_cache(visit)


def test_a_source_that_left_the_picture_leaves_the_cache(with_cache: Callable[[Visit], None]) -> None:
    async def visit(_: Redis, cache: Cache) -> None:
        first, second = known(piece("a"), piece("b")), known(piece("b", version=2), piece("c"))
        await cache.store({7: [update(new(), first)]}, {}, {7: 1})
        read = (await cache.load({"p-1": 7})).patients["p-1"]
        assert await cache.store({7: [update(read, second)]}, {7: 1}, {7: 2}) == {7: Stored.DONE}
        assert (await cache.load({"p-1": 7})).patients["p-1"] == stored_as(second, 2)

    with_cache(visit)


def test_a_patient_changed_meanwhile_keeps_its_whole_partition_as_it_was(with_cache: Callable[[Visit], None]) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        await cache.store({7: [update(new("p-2"), known(piece("x", "p-2"), patient="p-2"), NOON)]}, {}, {7: 3})
        before = {key: await redis.dump(key) for key in await redis.keys()}
        rows = [
            update(new(), known(piece("a")), NOON),
            update(new("p-2"), known(piece("y", "p-2"), patient="p-2")),  # read before the store above
        ]
        beside = [update(new("p-3"), known(patient="p-3"))]
        answers = await cache.store({7: rows, 8: beside}, {7: 3}, {7: 9, 8: 1})
        assert answers == {7: Stored.CHANGED_MEANWHILE, 8: Stored.DONE}
        assert {key: await redis.dump(key) for key in before} == before
        assert not await redis.exists("t.{p7}:patient:p-1")

    with_cache(visit)


@pytest.mark.parametrize("expected", [4, 5])
def test_a_cache_behind_what_was_stored_before_takes_nothing(
    with_cache: Callable[[Visit], None], expected: int
) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        await cache.store({7: [update(new(), known(piece("a")))]}, {}, {7: 3})
        read = (await cache.load({"p-1": 7})).patients["p-1"]
        rows = {7: [update(read, known(piece("b")))]}
        assert await cache.store(rows, {7: expected}, {7: 6}) == {7: Stored.CACHE_BEHIND}
        await redis.flushall()
        assert await cache.store(rows, {7: expected}, {7: 6}) == {7: Stored.CACHE_BEHIND}
        assert await redis.keys() == []

    with_cache(visit)


@pytest.mark.parametrize("mark", ["damaged", "building-1f"])
def test_a_partition_that_is_damaged_or_being_built_takes_nothing(
    with_cache: Callable[[Visit], None], mark: str
) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        await redis.set("t.{p7}:applied", mark)
        rows = {7: [update(new(), known(piece("a")))], 8: []}
        assert await cache.store(rows, {}, {7: 6, 8: 1}) == {7: Stored.CACHE_BEHIND, 8: Stored.DONE}
        assert await redis.get("t.{p7}:applied") == mark.encode()
        assert not await redis.exists("t.{p7}:patient:p-1")

    with_cache(visit)


def test_the_mark_of_a_partition_never_goes_back(with_cache: Callable[[Visit], None]) -> None:
    async def visit(_: Redis, cache: Cache) -> None:
        await cache.store({7: []}, {}, {7: 9})
        await cache.store({7: []}, {7: 9}, {7: 4})
        await cache.store({7: [update(new(), known(piece("a")))]}, {7: 9}, {})
        assert (await cache.load({"p-1": 7})).applied == {7: 9}

    with_cache(visit)


def test_decisions_come_due_once_their_time_has_come_and_until_they_are_made(
    with_cache: Callable[[Visit], None],
) -> None:
    async def visit(_: Redis, cache: Cache) -> None:
        rows = [update(new(f"p-{at}"), known(patient=f"p-{at}"), NOON + at * HOUR) for at in range(4)]
        await cache.store({7: rows}, {}, {7: 0})
        assert await cache.due([7, 8], NOON + 2 * HOUR, 100) == {"p-0": 7, "p-1": 7, "p-2": 7}
        assert await cache.due([7], NOON + 2 * HOUR, 1) == {"p-0": 7}
        assert await cache.due([8], NOON + 9 * HOUR, 100) == {}
        read = (await cache.load({"p-0": 7})).patients["p-0"]
        await cache.store({7: [update(read, read)]}, {}, {})
        assert await cache.due([7], NOON, 100) == {}
        assert await cache.waiting([7, 8]) == 3

    with_cache(visit)


def test_a_restarted_cache_is_taught_its_script_again(with_cache: Callable[[Visit], None]) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        await cache.store({7: []}, {}, {7: 1})
        await redis.script_flush()
        with pytest.raises(NoScriptError):
            await cache.store({7: []}, {}, {7: 2})
        assert await cache.store({7: []}, {}, {7: 2}) == {7: Stored.DONE}

    with_cache(visit)


def test_a_partition_is_cleared_and_filled_and_its_neighbours_are_not(with_cache: Callable[[Visit], None]) -> None:
    async def visit(_: Redis, cache: Cache) -> None:
        one, other = known(piece("a")), known(piece("a", "p-2"), patient="p-2")
        await cache.store({1: [update(new(), one)], 17: [update(new("p-2"), other)]}, {}, {1: 4, 17: 5})
        assert await cache.replace(1, [], 3, NOON)
        cleared = await cache.load({"p-1": 1, "p-2": 17})
        assert cleared.applied == {1: 3, 17: 5}
        assert cleared.patients == {"p-1": new(), "p-2": stored_as(other, 1)}
        assert await cache.replace(1, [one], 8, NOON)
        assert (await cache.load({"p-1": 1})).patients["p-1"] == one
        assert (await cache.load({"p-1": 1})).applied == {1: 8}
        assert await cache.due([1], NOON, 9) == {"p-1": 1}  # every rebuilt patient is decided again

    with_cache(visit)


OURS = "t.{p7}:patient:p-1"
FIELD = "clinical|a"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda redis: redis.hset(OURS, FIELD, b"\xff{"), id="a-piece-that-is-none"),
        pytest.param(
            lambda redis: redis.hset(OURS, "clinical|b", piece("a").to_json()), id="a-piece-in-anothers-field"
        ),
        pytest.param(
            lambda redis: redis.hset(OURS, FIELD, piece("a", "p-2").to_json()), id="a-piece-of-another-patient"
        ),
        pytest.param(lambda redis: redis.hset(OURS, "#header", "{"), id="a-header-that-is-none"),
        pytest.param(lambda redis: redis.hdel(OURS, "#header"), id="no-header"),
        pytest.param(lambda redis: redis.hset(OURS, "#version", "x"), id="a-version-that-is-none"),
        pytest.param(lambda redis: redis.hdel(OURS, "#version"), id="no-version"),
        pytest.param(lambda redis: redis.hset(OURS, "#version", "01"), id="a-version-that-we-would-write-otherwise"),
        pytest.param(lambda redis: redis.hset(OURS, "#version", " 1"), id="a-version-behind-a-blank"),
        pytest.param(lambda redis: redis.set(OURS, "a string"), id="no-hash"),
        pytest.param(lambda redis: redis.set("t.{p7}:applied", "soon"), id="a-mark-that-is-none"),
        pytest.param(lambda redis: redis.set("t.{p7}:applied", "1_0"), id="a-mark-that-python-alone-can-read"),
    ],
)
def test_what_cannot_be_read_is_told_by_the_mark_of_its_partition_alone(
    with_cache: Callable[[Visit], None], damage: Callable[[Redis], Awaitable[object]]
) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        beside = known(piece("x", "p-2"), patient="p-2")
        await cache.store({7: [update(new(), known(piece("a")))], 8: [update(new("p-2"), beside)]}, {}, {7: 3, 8: 4})
        await damage(redis)
        loaded = await cache.load({"p-1": 7, "p-2": 8})
        assert loaded.applied == {7: DAMAGED, 8: 4}
        assert loaded.patients["p-2"] == stored_as(beside, 1)

    with_cache(visit)


def test_where_the_requests_are_known_up_to_is_written_over_what_is_no_number(
    with_cache: Callable[[Visit], None],
) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        await redis.set("t.{p7}:asked", "soon")
        assert await cache.asked([7]) == {7: 0}
        assert await cache.store({7: []}, {}, {7: 1}, {7: 5}) == {7: Stored.DONE}
        assert await cache.asked([7]) == {7: 5}

    with_cache(visit)


NEXT: dict[str, Callable[[Cache], Awaitable[object]]] = {
    "due": lambda cache: cache.due([7, 8], NOON, 9),
    "asked": lambda cache: cache.store({7: [], 8: []}, {}, {}, {7: 5}),
    "model": lambda cache: cache.adopt(7, "another", NOON),
}
"""What meets each key of a partition first."""


@pytest.mark.parametrize("name", NEXT)
def test_a_key_of_another_kind_is_told_by_the_mark_of_its_partition_alone(
    with_cache: Callable[[Visit], None], name: str
) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        beside = update(new("p-2"), known(piece("x", "p-2"), patient="p-2"), NOON)
        await cache.store({7: [update(new(), known(piece("a")), NOON)], 8: [beside]}, {}, {7: 3, 8: 4})
        await redis.delete(f"t.{{p7}}:{name}")
        await redis.rpush(f"t.{{p7}}:{name}", "a list")
        await NEXT[name](cache)
        assert (await cache.load({"p-1": 7, "p-2": 8})).applied == {7: DAMAGED, 8: 4}
        assert "p-2" in await cache.due([7, 8], NOON, 9)
        assert await cache.waiting([8]) == 1
        assert await cache.replace(7, [], 3, NOON)
        assert sorted(await redis.keys("t.{p7}*")) == [b"t.{p7}:applied", b"t.{p7}:asked"]

    with_cache(visit)


def test_a_store_that_meets_a_key_of_another_kind_takes_nothing_and_says_so(
    with_cache: Callable[[Visit], None],
) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        await redis.set("t.{p7}:due", "a string")
        rows = {7: [update(new(), known(piece("a")), NOON)], 8: []}
        assert await cache.store(rows, {}, {7: 3, 8: 4}) == {7: Stored.CACHE_BEHIND, 8: Stored.DONE}
        assert (await cache.load_with({}, [7, 8])).applied == {7: DAMAGED, 8: 4}

    with_cache(visit)


def test_a_name_among_the_due_that_is_no_text_is_damage(with_cache: Callable[[Visit], None]) -> None:
    async def visit(redis: Redis, cache: Cache) -> None:
        await cache.store({7: []}, {}, {7: 3})
        await redis.zadd("t.{p7}:due", {b"\xff": 0})
        assert await cache.due([7], NOON, 9) == {}
        assert (await cache.load_with({}, [7])).applied == {7: DAMAGED}

    with_cache(visit)
