"""The note that a local installation leaves in its home, so that the other commands find it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.local_home import birth_of, local_worker
from agents.wiring import model_folder
from streams.kafka import admin
from streams.opened import opened
from streams.settings import Settings
from streams.topics import create_topics, named
from streams.web import Web


@dataclass(frozen=True)
class Here:
    """A worker of this machine."""

    settings: Settings
    web: Web

    @property
    def note(self) -> Path:
        """Where the note is."""
        return self.settings.places.home / "worker.json"


@contextmanager
def present(here: Here) -> Iterator[None]:
    """Leave the note for as long as the worker runs, written when the address of its metrics is known.

    A note that another worker of this home has written meanwhile stays.
    """
    here.note.parent.mkdir(parents=True, exist_ok=True)
    here.web.when_open = lambda: _write(here)
    try:
        yield
    finally:
        worker = local_worker(here.settings.places.home)
        if worker is not None and worker.pid == os.getpid():
            here.note.unlink(missing_ok=True)


@contextmanager
def visiting(here: Here) -> Iterator[None]:
    """Be present unless a worker of this home is already: the commands are to find that one, now and afterwards."""
    if local_worker(here.settings.places.home) is not None:
        yield
        return
    with present(here):
        yield


def _write(here: Here) -> None:
    settings = here.settings
    note = {
        "pid": os.getpid(),
        "started": birth_of(os.getpid()),
        "metrics": here.web.address,
        "kafka": settings.places.kafka,
        "redis": settings.places.redis,
        "prefix": settings.kafka.prefix,
        "partitions": settings.kafka.partitions,
        "model": str(model_folder(settings).resolve()),  # another command may be typed in another folder
        "files_allow": settings.places.files_allow,
    }
    draft = here.note.with_suffix(".new")
    draft.write_text(json.dumps(note), encoding="utf-8")
    draft.replace(here.note)


async def make_topics(settings: Settings) -> None:
    """Create the topics that are missing on a broker of our own."""
    async with opened(admin(settings.places.kafka, settings.kafka)) as client:
        await create_topics(client, named(settings.kafka.prefix), settings.kafka.partitions, settings.kafka.replication)


async def forget_topics(settings: Settings, start: str) -> None:
    """Delete the topics whose names begin so: those of earlier demonstrations on a broker of our own."""
    async with opened(admin(settings.places.kafka, settings.kafka)) as client:
        old = [name for name in await client.list_topics() if name.startswith(start)]
        if old:
            await client.delete_topics(old)
