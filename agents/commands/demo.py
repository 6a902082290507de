"""`oncostream demo`: all of it on this machine, on a synthetic cohort, with results as they come."""

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agents.demonstration import Demonstration, started_at
from agents.exits import AskedWrongly
from agents.here import Here, forget_topics, make_topics, visiting
from agents.parade import disturbed
from agents.scratch import scratch
from agents.wiring import ROLES
from agents.worker import build_worker
from deploy.local.servers import local_servers, owner_of
from model.cohorts.folder import read_events
from model.cohorts.synthetic import write_synthetic
from model.train_settings import MAX_SEED
from streams.log import log_to_stderr
from streams.settings import Settings, read_settings, set_where_nothing_is

_DEFAULTS = {
    "ONCOSTREAM_TRIGGER_DEADLINE": "PT12S",
    "ONCOSTREAM_TRIGGER_SETTLE": "PT1S",
    "ONCOSTREAM_KAFKA_PARTITIONS": "4",
}
"""A demonstration is in a hurry; what is set already stays."""


def demo(
    patients: Annotated[int, typer.Option(min=1, max=2000, help="Size of the synthetic cohort.")] = 50,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the cohort and of its disorder.")] = 7,
    kafka: Annotated[str | None, typer.Option(help="Use this broker (host:port) and not a local one.")] = None,
    redis: Annotated[str | None, typer.Option(help="Use this cache (redis://...) and not a local one.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all is said, on a terminal too.")] = False,
) -> None:
    """Show the whole road on a synthetic cohort: events interleaved, late and twice; results as they come."""
    console = Console()
    log_to_stderr(logging.WARNING)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a fresh broker has no groups, and says so
    set_where_nothing_is(_DEFAULTS)
    os.environ["ONCOSTREAM_KAFKA_PREFIX"] = f"demo-{started_at()}."
    home = read_settings().places.home / "demo"
    with _servers(home, kafka, redis) as are_ours:
        folder = home / "cohort"
        os.environ["ONCOSTREAM_FILES_ALLOW"] = str(folder)
        settings = read_settings()
        _write_cohort(folder, patients, seed)
        if are_ours:
            asyncio.run(forget_topics(settings, "demo-"))
        asyncio.run(make_topics(settings))
        console.print(f"[bold]{patients} synthetic patients[/], six roles, Kafka {settings.places.kafka}")
        _play(settings, folder, seed, console, stay=not once and sys.stdout.isatty())


@contextmanager
def _servers(home: Path, kafka: str | None, redis: str | None) -> Iterator[bool]:
    """Set where the two are; yields whether the broker was started here."""
    given = {"ONCOSTREAM_KAFKA": kafka, "ONCOSTREAM_REDIS": redis}
    os.environ.update({name: value for name, value in given.items() if value})
    if all(name in os.environ for name in given):
        yield False
        return
    owner = owner_of(home)
    if owner is not None:
        remedy = f"end it with Ctrl-C or kill {owner}, or set another home in ONCOSTREAM_HOME"
        raise AskedWrongly(f"process {owner} runs a demonstration in {home} already: {remedy}")
    with local_servers(home) as local:
        os.environ.setdefault("ONCOSTREAM_KAFKA", local.kafka)
        os.environ.setdefault("ONCOSTREAM_REDIS", local.redis)
        yield os.environ["ONCOSTREAM_KAFKA"] == local.kafka


def _write_cohort(folder: Path, patients: int, seed: int) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    write_synthetic(folder, patients, seed, flawed=True)


def _play(settings: Settings, folder: Path, seed: int, console: Console, *, stay: bool) -> None:
    events = disturbed(list(read_events(folder)), seed)
    show = Demonstration(settings, events, console, stay=stay)
    worker, web = build_worker(settings, ROLES, show)
    show.web = web
    with visiting(Here(settings, web)), scratch():
        worker.execute_from_commandline()
