"""`oncostream down`: the end of what `oncostream up` started."""

import signal
import time
from pathlib import Path

import psutil

from agents.exits import AskedWrongly, Away
from agents.local_home import NOTE, SERVERS, local_worker
from deploy.local.servers import owner_of
from streams.settings import read_settings

_STOP_SECONDS = 60


def down() -> None:
    """End what `oncostream up` started, or is starting, and wait until it has."""
    home = read_settings().places.home
    note, pid = home / NOTE, owner_of(home / SERVERS) or _noted(home)
    if pid is None and not note.exists():
        raise AskedWrongly(f"nothing is up here: no {note}; set ONCOSTREAM_HOME to the home it was started with")
    if pid is not None:
        _end(pid)
    if local_worker(home) is None:  # else of a demonstration that was there beside
        note.unlink(missing_ok=True)


def _noted(home: Path) -> int | None:
    """The worker that the note names, where the note proves that it is the one: a demonstration has other servers."""
    worker = local_worker(home)
    return worker.pid if worker is not None and worker.started is not None else None


def _end(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        process.send_signal(signal.SIGINT)
        for _ in range(_STOP_SECONDS * 5):
            if process.status() == psutil.STATUS_ZOMBIE:  # it is over, and whoever started it has not asked yet
                return
            time.sleep(0.2)
    except psutil.NoSuchProcess:
        return
    raise Away(f"process {pid} does not end; look at its log, then kill {pid}")
