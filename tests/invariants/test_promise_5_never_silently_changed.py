"""Promise 5: every change of a result is a new revision that names what it supersedes and why."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise

import pytest
from events_in import NOON, observation, sequencing, variant
from road import LayRoad, Road, Undisturbed

from schemas.request import Cause, Status
from schemas.result import Result

pytestmark = pytest.mark.slow


def histories(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Patient -> revisions in order, after taking identical bytes as one; fails where one was changed silently."""
    found: dict[str, dict[int, bytes]] = defaultdict(dict)
    for result in results:
        known = found[result.patient].setdefault(result.history.revision, result.to_json())
        assert known == result.to_json(), f"revision {result.history.revision} was said in two ways"
    return {
        patient: [Result.model_validate_json(said[number]) for number in sorted(said)]
        for patient, said in found.items()
    }


def check_chains(results: Iterable[Result]) -> dict[str, list[Result]]:
    """The histories, each 1 to n without a gap and each naming the one before."""
    chains = histories(results)
    for chain in chains.values():
        assert [result.history.revision for result in chain] == list(range(1, len(chain) + 1))
        assert [result.history.supersedes for result in chain] == [None, *[result.id for result in chain[:-1]]]
        for before, after in pairwise(chain):
            assert before.content_sha256 != after.content_sha256
            old, new = ({f"{u.modality.value}|{u.source}": u.hash for u in each.evidence} for each in (before, after))
            changed = after.history.changed
            assert set(changed.added) == new.keys() - old.keys()
            assert set(changed.removed) == old.keys() - new.keys()
            assert set(changed.replaced) == {name for name in old.keys() & new.keys() if old[name] != new[name]}
    return chains


def test_the_revisions_of_a_cohort_are_chains(undisturbed: Undisturbed) -> None:
    chains = check_chains(asyncio.run(undisturbed.road.results()))
    assert any(len(chain) > 1 for chain in chains.values())


def test_a_deadline_fires_without_an_event_and_after_a_restart_and_every_change_is_told(lay_road: LayRoad) -> None:
    road = lay_road(trigger_deadline="PT4S")
    later = (NOON + timedelta(days=1)).isoformat()

    async def told() -> list[Result]:
        worker = road.start()
        await road.send([observation("p", "o", 9.0, meta={"versionId": "1"})])
        async with road.redis() as redis:

            async def waits() -> bool:
                return await road.waiting(redis) == 1

            await road.until(waits)
        worker.kill()
        assert await road.results() == []
        road.start()
        await road.until_there_are(1, road.topics.results)
        for change in (
            sequencing("p", "s", variant("KRAS", 30)),
            observation("p", "o", 8.0, status="corrected", meta={"versionId": "2"}),
            sequencing("p", "s", "", occurred_at=later, status="entered-in-error", files=[]),
            observation("p", "o", 8.0, status="entered-in-error", meta={"versionId": "3"}),
            observation("p", "other", 7.0, effectiveDateTime=later),
        ):
            await road.send([change])
            await road.settled()
        return await road.results()

    chain = check_chains(asyncio.run(told()))["p"]
    assert [(result.history.status, result.history.cause) for result in chain] == [
        (Status.PRELIMINARY, Cause.DEADLINE),
        (Status.FINAL, Cause.QUORUM),
        (Status.AMENDED, Cause.CORRECTION),
        (Status.AMENDED, Cause.WITHDRAWAL),
        (Status.WITHDRAWN, Cause.WITHDRAWAL),
        (Status.AMENDED, Cause.NEW_EVIDENCE),
    ]


async def killed_between_asking_and_storing(road: Road) -> list[Result]:
    """Requests reach Kafka, the cache takes no write, the worker dies; then more evidence and another worker."""
    worker = road.start("clinical", "assembly")
    patients = [f"p-{number}" for number in range(6)]
    await road.send([observation(patient, f"{patient}-1", 9.0) for patient in patients])
    async with road.redis() as redis:

        async def all_wait() -> bool:
            """Every patient, and every partition is taken over: that writes as well, and comes before any asking."""
            taken = [key async for key in redis.scan_iter(f"{road.prefix}*:model")]
            return await road.waiting(redis) == len(patients) and len(taken) == road.partitions

        await road.until(all_wait)
        await redis.execute_command("CLIENT", "PAUSE", "60000", "WRITE")
        await road.until_there_are(len(patients), road.topics.requests)
        worker.kill()
        await redis.execute_command("CLIENT", "UNPAUSE")
    await road.send([observation(patient, f"{patient}-2", 7.0) for patient in patients])
    road.start()
    await road.settled()
    return await road.results()


def test_a_worker_killed_between_asking_and_storing_leaves_no_revision_said_in_two_ways(lay_road: LayRoad) -> None:
    road = lay_road(trigger_deadline="PT4S")
    chains = check_chains(asyncio.run(killed_between_asking_and_storing(road)))
    assert {len(chain[-1].evidence) for chain in chains.values()} == {2}
