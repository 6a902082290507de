"""How a command finds what runs on this machine: the note that `demo` and `up` leave in the home folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from streams.settings import Settings, read_settings

NOTE = "worker.json"
SERVERS = "servers"
"""The folder of broker and cache in the home."""
_STARTTIME = 19
"""Its place in /proc/PID/stat behind the program's name (proc(5): the 22nd field; the name, the second, has blanks)."""


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
    started: float | None = None
    """What `birth_of` says of its process; None in a note of an earlier version."""


def local_worker(home: Path) -> LocalWorker | None:
    """The running worker of this home, or None: no note, or one whose process is gone (and its number another's)."""
    try:
        worker = LocalWorker.model_validate_json((home / NOTE).read_bytes())
    except (OSError, ValidationError):
        return None
    started = birth_of(worker.pid)
    return worker if started is not None and worker.started in (None, started) else None


def birth_of(pid: int) -> float | None:
    """When a process was started, so that another one with its number is told from it; None where there is none.

    In ticks since the machine's start where there is a /proc: the time of day of a start moves when the clock is set.
    """
    stat = Path(f"/proc/{pid}/stat")
    try:
        if stat.exists():
            return float(stat.read_text(errors="replace").rpartition(")")[2].split()[_STARTTIME])
        return psutil.Process(pid).create_time()
    except (OSError, ValueError, psutil.Error):
        return None


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
