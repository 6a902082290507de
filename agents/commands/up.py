"""`oncostream up`: a laptop installation that stays up."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agents.allowed import file_rules
from agents.exits import AskedWrongly, Away
from agents.here import Here, make_topics, present
from agents.local_home import SERVERS, local_worker
from agents.scratch import scratch
from agents.wiring import ROLES, read_manifest
from agents.worker import build_worker
from deploy.local.servers import local_servers, owner_of
from streams.log import log_to_stderr
from streams.settings import read_settings, set_where_nothing_is

_START_SECONDS = 90
_STOP_SECONDS = 60
_ASKED_WRONGLY = 2
_INTERRUPTED = 130
"""The exit code of a command that an interrupt ends."""


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is up; `oncostream down` ends it.")] = False,
    model: Annotated[
        str | None,
        typer.Option(help="Folder of a network, or the name of one that ships; by default that of ONCOSTREAM_MODEL."),
    ] = None,
) -> None:
    """Run a local broker and cache and all six roles, until Ctrl-C or `oncostream down`."""
    if model:
        os.environ["ONCOSTREAM_MODEL"] = model
    asked = read_settings()
    read_manifest(asked)  # what is set wrong is said here and now, not in a log after a broker's start
    file_rules(asked)
    _require_alone(asked.places.home)
    if detach:
        start_detached()
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
        with present(Here(settings, web)), scratch():
            worker.execute_from_commandline()


def _require_alone(home: Path) -> None:
    owner = owner_of(home / SERVERS)
    if owner is not None:
        remedy = "`oncostream down` ends it, ONCOSTREAM_HOME sets another home for a second one"
        raise AskedWrongly(f"process {owner} is up in {home} already, or is starting: {remedy}")


def start_detached(within_seconds: float = _START_SECONDS, grace_seconds: float = _STOP_SECONDS) -> None:
    """Return when it is up; what is not by then, or when this command is interrupted, is ended."""
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
    with console.status("starting broker, cache and six roles"), ExitStack() as undo:
        undo.callback(_end, child, grace_seconds)
        until = time.monotonic() + within_seconds
        while not _is_up(child, home, log):
            if time.monotonic() > until:
                remedy = "`oncostream up` without --detach waits as long as it takes"
                raise Away(f"it was not up within {within_seconds:g} s and was ended; its log is {log}; {remedy}")
            time.sleep(0.2)
        undo.pop_all()
    console.print(f"up (process {child.pid}); `oncostream status` shows it, `oncostream down` ends it")


def _is_up(child: "subprocess.Popen[bytes]", home: Path, log: Path) -> bool:
    """Whether it has left its note; raises how it failed where it has ended."""
    if (code := child.poll()) == _INTERRUPTED:
        raise Away("it was ended while it started, as by `oncostream down`; start it again")
    if code is not None:
        how = AskedWrongly if code == _ASKED_WRONGLY else Away
        raise how(f"it ended at once; the reason is at the end of {log}")
    worker = local_worker(home)
    return worker is not None and worker.pid == child.pid


def _end(child: "subprocess.Popen[bytes]", grace_seconds: float) -> None:
    """End it in order, as `down` does, or else by force: its broker and cache end when it has."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
