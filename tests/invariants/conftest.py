"""What the promises share: an installation on the session's broker and cache, and one run that nobody disturbed."""

import asyncio
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.servers import LocalServers

sys.path.append(str(Path(__file__).parent))  # importlib mode: `road` and `events_in` beside the tests

from events_in import cohort
from road import LayRoad, Road, Undisturbed, last_contents

ROOM = {
    "KAFKA_PARTITIONS": "4",
    "KAFKA_SESSION_TIMEOUT": "PT3S",
    "TRIGGER_SETTLE": "PT0.3S",
    "TRIGGER_DEADLINE": "PT2S",
}


@pytest.fixture(scope="session")
def lay_road(servers: LocalServers, untrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LayRoad]:
    """Roads of their own topics and groups; what still runs on them at the end is ended."""
    with ExitStack() as undo:

        def lay(**changes: str) -> Road:
            folder = tmp_path_factory.mktemp("road")
            ours = {
                "KAFKA": servers.addresses.kafka,
                "REDIS": servers.addresses.redis,
                "MODEL": str(untrained),
                "HOME": str(folder / "home"),
                "KAFKA_PREFIX": f"i{uuid.uuid4().hex[:8]}.",
                **ROOM,
                **{name.upper(): value for name, value in changes.items()},
            }
            others = {name: value for name, value in os.environ.items() if not name.startswith("ONCOSTREAM_")}
            environment = others | {f"ONCOSTREAM_{name}": value for name, value in ours.items()}
            road = Road(environment, folder)
            undo.callback(road.end)
            asyncio.run(road.lay())
            return road

        yield lay


@pytest.fixture(scope="session")
def undisturbed(lay_road: LayRoad) -> Undisturbed:
    """The cohort, read by one worker in peace."""
    road = lay_road()

    async def in_peace() -> Undisturbed:
        road.start()
        await road.load(cohort())
        await road.settled()
        return Undisturbed(road, last_contents(await road.results()))

    found = asyncio.run(in_peace())
    road.end()
    return found
