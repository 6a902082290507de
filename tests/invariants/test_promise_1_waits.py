"""Promise 1 while a dependency is away: it is tried again with longer waits, by the clock of assembly as well."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from events_in import cohort
from road import LayRoad, Road
from worker_process import Process

from deploy.local.servers import LocalServers

pytestmark = pytest.mark.slow

TRIES = 10
AT_LEAST = timedelta(seconds=8)
"""Ten tries at 0.1 s are over in one second; with waits of 0.2, 0.4, 0.8, 1.6 and then 2 s it takes 13."""


def away(worker: Process) -> list[dict[str, Any]]:
    lines = worker.stderr.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if '"dependency_away"' in line]


def test_an_idle_assembly_waits_longer_and_longer_for_its_cache(lay_road: LayRoad, servers: LocalServers) -> None:
    road = lay_road()

    async def visit(road: Road) -> None:
        worker = road.start()
        await road.load(cohort()[:40])
        await road.settled()
        servers.cache.kill()
        try:

            async def tried() -> bool:
                return len(away(worker)) >= TRIES

            await road.until(tried)
        finally:
            servers.cache.restart()
        first, *_, last = [datetime.fromisoformat(line["timestamp"]) for line in away(worker)[:TRIES]]
        assert last - first > AT_LEAST
        sent = await road.load(cohort()[40:80])
        await road.settled()
        assert await road.without_outcome(sent) == set()

    asyncio.run(visit(road))
