"""How a command finds what runs on this machine: the note that `demo` and `up` leave in the home folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from streams.settings import Settings, read_settings

NOTE = "worker.json"


class LocalWorker(BaseModel):
    """The worker of this home while it runs: where its metrics, its broker and its cache are, and how it is set."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    metrics: str
    kafka: str
    redis: str
    prefix: str | None = None
    partitions: int | None = None
    model: str | None = None
    files_allow: str | None = None


def local_worker(home: Path) -> LocalWorker | None:
    """The running worker of this home, or None: no note, or one whose process is gone."""
    try:
        worker = LocalWorker.model_validate_json((home / NOTE).read_bytes())
    except (OSError, ValidationError):
        return None
    return worker if psutil.pid_exists(worker.pid) else None


def settings_here() -> Settings:
    """The settings; where none names a broker or a cache, those of the worker that runs in this home, if any."""
    settings = read_settings()
    worker = local_worker(settings.places.home)
    if worker is None or {"kafka", "redis"} & settings.places.model_fields_set:
        return settings
    return with_worker(settings, worker)


def with_worker(settings: Settings, worker: LocalWorker) -> Settings:
    """The settings with the worker's own wherever nothing was set."""
    places = settings.places.model_copy(
        update=_unset(settings.places, worker, ("kafka", "redis", "model", "files_allow"))
    )
    kafka = settings.kafka.model_copy(update=_unset(settings.kafka, worker, ("prefix", "partitions")))
    return replace(settings, places=places, kafka=kafka)


def _unset(concern: BaseModel, worker: LocalWorker, names: tuple[str, ...]) -> dict[str, Any]:
    noted = worker.model_dump(exclude_none=True)
    return {name: noted[name] for name in names if name in noted and name not in concern.model_fields_set}
