"""`oncostream up`: a laptop installation that stays up."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import Annotated

import typer
from rich.console import Console

from agents.allowed import file_rules
from agents.exits import AskedWrongly, Away
from agents.here import Here, make_topics, present
from agents.local_home import SERVERS, local_worker
from agents.wiring import ROLES, read_manifest
from agents.worker import build_worker
from deploy.local.servers import local_servers
from streams.log import log_to_stderr
from streams.settings import read_settings, set_where_nothing_is

_START_SECONDS = 90
_ASKED_WRONGLY = 2
_INTERRUPTED = 130
"""The exit code of a command that an interrupt ends."""


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is up; `oncostream down` ends it.")] = False,
    model: Annotated[str | None, typer.Option(help="Folder of a network, or the name of one that ships.")] = None,
) -> None:
    """Run a local broker and cache and all six roles, until Ctrl-C or `oncostream down`."""
    if model:
        os.environ["ONCOSTREAM_MODEL"] = model
    asked = read_settings()
    read_manifest(asked)  # what is set wrong is said here and now, not in a log after a broker's start
    file_rules(asked)
    if detach:
        _start_detached()
        return
    log_to_stderr()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what `down` sends; a script's background job ignores it
    set_where_nothing_is({"ONCOSTREAM_KAFKA_PARTITIONS": "4"})
    with local_servers(asked.places.home / SERVERS) as local:
        os.environ |= {"ONCOSTREAM_KAFKA": local.kafka, "ONCOSTREAM_REDIS": local.redis}
        settings = read_settings()
        asyncio.run(make_topics(settings))
        worker, web = build_worker(settings, ROLES)
        Console(stderr=True).print(f"Kafka {local.kafka}, cache {local.redis}; Ctrl-C or `oncostream down` ends it.")
        with present(Here(settings, web)):
            worker.execute_from_commandline()


def _start_detached() -> None:
    home = read_settings().places.home
    home.mkdir(parents=True, exist_ok=True)
    log = home / "up.log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.argv[0], "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    console = Console(stderr=True)
    with console.status("starting broker, cache and six roles"):
        for _ in range(_START_SECONDS * 5):
            if (code := child.poll()) == _INTERRUPTED:
                raise Away("it was ended while it started, as by `oncostream down`; start it again")
            if code is not None:
                how = AskedWrongly if code == _ASKED_WRONGLY else Away
                raise how(f"it ended at once; the reason is at the end of {log}")
            if (worker := local_worker(home)) is not None and worker.pid == child.pid:
                break
            time.sleep(0.2)
        else:
            raise Away(f"it is not up after {_START_SECONDS} s; see {log}")
    console.print(f"up (process {child.pid}); `oncostream status` shows it, `oncostream down` ends it")
