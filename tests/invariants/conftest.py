"""What the promises share: an installation on the session's broker and cache, and one run that nobody disturbed."""

import asyncio
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from deploy.local.servers import LocalServers

sys.path.append(str(Path(__file__).parent))  # importlib mode: `road` and `events_in` beside the tests
sys.path.append(str(Path(__file__).parents[1] / "streams"))  # `raw_names` in another folder

from events_in import cohort
from road import LayRoad, Road, Undisturbed, last_contents

ROOM = {
    "KAFKA_PARTITIONS": "4",
    "KAFKA_SESSION_TIMEOUT": "PT3S",
    "TRIGGER_SETTLE": "PT0.3S",
    "TRIGGER_DEADLINE": "PT2S",
}


@dataclass(frozen=True)
class Places:
    """What all roads share."""

    servers: LocalServers
    network: Path
    folders: pytest.TempPathFactory


@pytest.fixture(scope="session")
def places(servers: LocalServers, untrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Where every road lies."""
    return Places(servers, untrained, tmp_path_factory)


@pytest.fixture
def lay_road(places: Places) -> Iterator[LayRoad]:
    """Roads of their own topics and groups; what still runs on them when the test is over is ended."""
    with ExitStack() as undo:
        yield partial(_lay, places, undo)


@pytest.fixture(scope="session")
def undisturbed(places: Places) -> Undisturbed:
    """The cohort, read by one worker in peace: one half first, so that the other brings revisions."""

    async def in_peace(road: Road) -> Undisturbed:
        road.start()
        events = cohort()
        for part in (events[: len(events) // 2], events[len(events) // 2 :]):
            await road.load(part)
            await road.settled()
        return Undisturbed(road, last_contents(await road.results()))

    with ExitStack() as undo:
        return asyncio.run(in_peace(_lay(places, undo)))


def _lay(places: Places, undo: ExitStack, **changes: str) -> Road:
    folder = places.folders.mktemp("road")
    ours = {
        "KAFKA": places.servers.addresses.kafka,
        "REDIS": places.servers.addresses.redis,
        "MODEL": str(places.network),
        "HOME": str(folder / "home"),
        "KAFKA_PREFIX": f"i{uuid.uuid4().hex[:8]}.",
        **ROOM,
        **{name.upper(): value for name, value in changes.items()},
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("ONCOSTREAM_")}
    road = Road(others | {f"ONCOSTREAM_{name}": value for name, value in ours.items()}, folder)
    undo.callback(road.end)
    asyncio.run(road.lay())
    return road
