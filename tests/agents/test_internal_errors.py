"""A worker that ends over its own bugs goes on behind them: nothing is set aside twice, and nothing is lost."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from schemas.dead_letter import DeadLetter
from schemas.errors import Reason
from streams.kafka import admin, reader, writer
from streams.opened import opened
from streams.reading import read_to_end
from streams.settings import Settings
from streams.topics import create_topics, group_of, named

pytestmark = pytest.mark.slow

WORKER = textwrap.dedent("""
    from agents.intake import listen
    from agents.wiring import make_parts
    from agents.worker import RoleWorker
    from schemas.message import Reading
    from streams.app import role_app
    from streams.log import log_to_stderr
    from streams.settings import read_settings

    def read(message):
        if message.value == b"trips":
            raise ZeroDivisionError
        return Reading(())

    log_to_stderr()
    settings = read_settings()
    parts = make_parts(settings)
    app = role_app("clinical", settings, heavy=False)
    listen(app, parts, role="clinical", topic=parts.topics.observations, read=read)
    RoleWorker(app, loglevel="WARN", quiet=True, redirect_stdouts=False, override_logging=False,
               blocking_timeout=0, daemon=True).execute_from_commandline()
    """)
"""The role clinical, with a reader that has a bug."""


class Bench:
    """Records in, workers one after the other, dead letters out."""

    def __init__(self, installation: Any, log: Path) -> None:
        self._settings: Settings = installation.settings
        self._environment = installation.env
        self._topics = named(self._settings.kafka.prefix)
        self._log = log

    async def lay(self) -> None:
        async with opened(admin(self._settings.places.kafka, self._settings.kafka)) as client:
            await create_topics(client, self._topics, self._settings.kafka.partitions, 1)

    async def put(self, *values: bytes) -> None:
        """Put records into one partition, so that one fetch brings them all."""
        async with opened(writer(self._settings.places.kafka, self._settings.kafka)) as producer:
            for value in values:
                await producer.send_and_wait(self._topics.observations, value, partition=0)

    @contextmanager
    def worker(self) -> "Iterator[subprocess.Popen[bytes]]":
        command = (sys.executable, "-c", WORKER)
        with self._log.open("ab") as output:
            process = subprocess.Popen(command, env=self._environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    async def set_aside(self) -> list[int]:
        """Offsets of the dead letters, in order; each is a bug."""
        async with opened(reader(self._settings.places.kafka, self._settings.kafka)) as consumer:
            messages = [message async for message in read_to_end(consumer, self._topics.dead_letters, range(4))]
        letters = [DeadLetter.from_headers(message.headers) for message in messages]
        assert {letter.reason for letter in letters} <= {Reason.INTERNAL_ERROR}
        return sorted(letter.offset for letter in letters)

    async def committed(self) -> int:
        async with opened(admin(self._settings.places.kafka, self._settings.kafka)) as client:
            found = await client.list_consumer_group_offsets(group_of(self._settings.kafka.prefix, "clinical"))
        return max((said.offset for place, said in found.items() if place.partition == 0), default=0)

    async def until_committed(self, offset: int) -> None:
        async with asyncio.timeout(60):
            while await self.committed() < offset:
                await asyncio.sleep(0.25)


def test_a_worker_that_ends_over_a_batch_of_bugs_does_not_meet_it_again(fresh_settings: Any, tmp_path: Path) -> None:
    bench, log = Bench(fresh_settings, tmp_path / "worker.log"), tmp_path / "worker.log"
    asyncio.run(bench.lay())
    for end in (12, 24):
        asyncio.run(bench.put(*[b"trips"] * 12))
        with bench.worker() as worker:
            assert worker.wait(60) == 1, log.read_text()
        assert "12 internal errors in a row" in log.read_text()
        assert asyncio.run(bench.set_aside()) == list(range(end))
        assert asyncio.run(bench.committed()) == end
    with bench.worker() as worker:
        asyncio.run(bench.put(b"fine"))
        asyncio.run(bench.until_committed(25))
        assert worker.poll() is None
    assert asyncio.run(bench.set_aside()) == list(range(24))
