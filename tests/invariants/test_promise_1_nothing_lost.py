"""Promise 1: every input offset ends in evidence, in nothing-new, or in a dead letter, whatever happens to a worker."""

import asyncio

import pytest
from events_in import cohort
from road import LayRoad, Road, last_contents

from deploy.local.servers import LocalServers
from schemas.dead_letter import DeadLetter
from schemas.evidence import Evidence

pytestmark = pytest.mark.slow

Place = tuple[str, int, int]
EVENTS = cohort()
THIRD = len(EVENTS) // 3


async def without_outcome(road: Road, sent: list[Place]) -> set[Place]:
    """Input offsets that neither a piece of evidence nor a dead letter names."""
    origins = [Evidence.model_validate_json(m.value or b"").origin for m in await road.read(road.topics.evidence)]
    letters = [DeadLetter.from_headers(message.headers) for message in await road.read(road.topics.dead_letters)]
    return set(sent) - {(each.topic, each.partition, each.offset) for each in [*origins, *letters]}


async def check(road: Road, sent: list[Place], undisturbed: dict[str, str]) -> None:
    await road.settled()
    assert len(sent) == len(EVENTS)
    assert await without_outcome(road, sent) == set()
    assert last_contents(await road.results()) == undisturbed


def test_in_peace_every_offset_has_an_outcome_and_every_patient_a_result(undisturbed: dict[str, str]) -> None:
    assert set(undisturbed) == {f"p-{number:03d}" for number in range(48)}


def test_a_worker_killed_in_mid_stream_and_started_again_loses_nothing(
    lay_road: LayRoad, undisturbed: dict[str, str]
) -> None:
    road = lay_road()

    async def killed_twice() -> None:
        road.start()
        sending = asyncio.create_task(road.send(EVENTS))
        for share in (1, 2):
            await road.until_there_are(share * THIRD, road.topics.evidence)
            road.processes[-1].kill()
            road.start()
        await check(road, await sending, undisturbed)

    asyncio.run(killed_twice())
