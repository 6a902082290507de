"""Promise 1, for a worker that is told to stop: it ends in time, broker or not, and what it held is read again."""

import asyncio
import signal
import time
from collections.abc import Iterator

import pytest
from events_in import cohort
from road import LayRoad
from worker_process import Process

from agents.worker import GONE_WITHIN_SECONDS
from deploy.local.servers import LocalServers, running_servers

pytestmark = pytest.mark.slow

EVENTS = cohort(24)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, java_environ: dict[str, str]) -> Iterator[LocalServers]:
    """A broker and a cache of this module's own, since it takes the broker away."""
    with running_servers(tmp_path_factory.mktemp("own"), environ=java_environ) as running:
        yield running


def seconds_to_end(worker: Process) -> float:
    """Tell a worker to stop; it ends with code 0, after so many seconds."""
    worker.wanted = False
    begun = time.monotonic()
    worker.popen.send_signal(signal.SIGTERM)
    assert worker.popen.wait(60) == 0
    return time.monotonic() - begun


def has_said(worker: Process, words: str) -> bool:
    return words in worker.stderr.read_text(encoding="utf-8", errors="replace")


async def until_said_without_broker(worker: Process, words: str) -> None:
    """Return when a worker has logged these words; there is no broker to look at meanwhile."""
    async with asyncio.timeout(30):
        while not has_said(worker, words):
            await asyncio.sleep(0.05)


def test_a_worker_whose_broker_was_killed_ends_in_time_and_what_it_held_is_read_again(
    lay_road: LayRoad, own: LocalServers
) -> None:
    road = lay_road(kafka=own.addresses.kafka, redis=own.addresses.redis)

    async def stopped() -> None:
        sent = await road.send(EVENTS)
        worker = road.start()
        await road.until_there_are(1, road.topics.evidence)
        own.broker.kill()
        try:
            await until_said_without_broker(worker, "Unable connect to node")
            assert await asyncio.to_thread(seconds_to_end, worker) < GONE_WITHIN_SECONDS
            assert not has_said(worker, "stopped_short")
        finally:
            own.broker.restart()
        road.start()
        await road.settled()
        assert await road.without_outcome(sent) == set()

    asyncio.run(stopped())
