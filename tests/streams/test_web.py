import asyncio
import json
import shutil
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.ports import free_port
from schemas.envelope import Headers
from streams.dead_letters import DeadLetters
from streams.publisher import Publisher
from streams.pulse import Pulse
from streams.settings import WebSettings
from streams.step import Step
from streams.web import Web

ROLES = map("web-{}".format, count())


class Nowhere:
    """A producer that nothing is sent through."""

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None,
        timestamp: float | None, headers: Headers | None,
    ) -> "asyncio.Future[object]":  # fmt: skip
        raise AssertionError("nothing is published here")


def idle_step() -> Step:
    return Step(next(ROLES), Publisher(Nowhere()), DeadLetters("letters", "1"), Pulse(timedelta(seconds=6)))


def stuck_step() -> Step:
    step = idle_step()
    step.begun_at = time.monotonic() - 601
    return step


Visit = Callable[[ClientSession, str], Awaitable[None]]


def while_open(visit: Visit, *steps: Step, ready: bool = True) -> None:
    """Open the pages on a free port, visit them (root address given), and close them."""

    async def go() -> None:
        web = Web(WebSettings(), steps, lambda: ready)
        opened: list[int] = []
        web.when_open = lambda: opened.append(web.port)
        await web.start()
        try:
            assert opened == [web.port]
            async with ClientSession() as session:
                await visit(session, web.address.removesuffix("/metrics"))
        finally:
            await web.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", web.port)

    asyncio.run(go())


async def page(session: ClientSession, address: str) -> tuple[int, str]:
    async with session.get(address) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("steps", "status", "text"),
    [
        pytest.param([idle_step()], 200, "progressing\n", id="idle"),
        pytest.param([idle_step(), stuck_step()], 503, "no progress: ", id="one-batch-in-work-for-too-long"),
    ],
)
def test_health_follows_the_progress_of_batches(steps: list[Step], status: int, text: str) -> None:
    async def visit(session: ClientSession, root: str) -> None:
        found, told = await page(session, f"{root}/health")
        assert found == status
        assert told.startswith(text)
        assert all((step.role in told) == (step.begun_at is not None) for step in steps)

    while_open(visit, *steps)


@pytest.mark.parametrize(("ready", "expected"), [(True, (200, "ready\n")), (False, (503, "starting\n"))])
def test_ready_says_whether_every_role_has_its_partitions(ready: bool, expected: tuple[int, str]) -> None:
    async def visit(session: ClientSession, root: str) -> None:
        assert await page(session, f"{root}/ready") == expected

    while_open(visit, ready=ready)


def test_the_age_of_the_batch_in_work_is_read_when_it_is_asked_for() -> None:
    stuck, idle = stuck_step(), idle_step()

    async def visit(session: ClientSession, root: str) -> None:
        _, text = await page(session, f"{root}/metrics")
        found = {
            sample.labels["role"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "oncostream_oldest_unacknowledged_seconds"
        }
        assert found[stuck.role] > 600
        assert found[idle.role] == 0

    while_open(visit, stuck, idle)


@pytest.mark.slow
def test_a_real_prometheus_scrapes_a_worker(tmp_path: Path) -> None:
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        pytest.skip("no prometheus; apt-get install prometheus")
    step, port = idle_step(), free_port()

    async def visit(session: ClientSession, root: str) -> None:
        scrape = {
            "job_name": "oncostream",
            "scrape_interval": "500ms",
            "scrape_timeout": "500ms",
            "static_configs": [{"targets": [root.removeprefix("http://")]}],
        }
        (tmp_path / "prometheus.yml").write_text(
            json.dumps({"scrape_configs": [scrape]}), encoding="utf-8"
        )  # JSON is YAML
        server = await asyncio.create_subprocess_exec(
            prometheus, f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", stdout=DEVNULL, stderr=DEVNULL,
        )  # fmt: skip
        try:
            rows = await asyncio.wait_for(scraped(session, f"http://127.0.0.1:{port}/api/v1"), timeout=60)
        finally:
            server.kill()
            await server.wait()
        assert step.role in {row["metric"]["role"] for row in rows}

    while_open(visit, step)


async def scraped(session: ClientSession, api: str) -> list[dict[str, dict[str, str]]]:
    """What a Prometheus knows of our roles, as soon as it knows anything."""
    while True:
        try:
            async with session.get(
                f"{api}/query", params={"query": "oncostream_oldest_unacknowledged_seconds"}
            ) as answer:
                rows = (await answer.json(content_type=None))["data"]["result"] if answer.status == 200 else []
        except ClientConnectionError:
            rows = []
        if rows:
            return rows
        await asyncio.sleep(0.1)
