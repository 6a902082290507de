"""The worker: any set of roles as services of one `mode.Worker`, with one web page for all."""

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Sequence

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP
from mode import Service, Worker

from agents.exits import Away
from agents.wiring import Role, make_parts, make_roles
from streams import metrics
from streams.kafka import admin
from streams.kafka_fault import kafka_fault
from streams.opened import opened
from streams.parts import Parts
from streams.renewal import Renewal
from streams.settings import Settings
from streams.topics import named, topic_faults
from streams.web import Web, require_address

log = structlog.get_logger()


_SWITCH_SECONDS = 0.0002
"""Torch gives the interpreter's lock away at each operation and, at Python's 5 ms, waits that long to have it back."""

GONE_WITHIN_SECONDS = 10.0
"""From being told to stop up to the end of the process; an orchestrator kills after 30."""


class NotReady(Away):
    """Something this worker needs is away or wrong; the message is one line with the remedy."""


class Lag(Service):
    """Keeps the pulse and tells how far behind each partition is."""

    def __init__(self, roles: Sequence[Role], parts: Parts) -> None:
        super().__init__()
        self._roles = roles
        self._parts = parts
        self._told: set[TP] = set()

    async def on_start(self) -> None:
        """Begin both."""
        self.add_future(self._parts.pulse.keep())
        self.add_future(self._measure())

    def tell(self) -> None:
        """How far behind the owned partitions are now; nothing of those that are another worker's since."""
        lags = {tp: lag for role in self._roles for tp, lag in role.app.lags().items()}
        for tp in self._told - lags.keys():
            metrics.CONSUMER_LAG.remove(tp.topic, str(tp.partition))
        for tp, lag in lags.items():
            metrics.CONSUMER_LAG.labels(tp.topic, str(tp.partition)).set(lag)
        self._told = set(lags)

    async def _measure(self) -> None:
        while not self.should_stop:
            self.tell()
            await self.sleep(1.0)


class RoleWorker(Worker):
    """A worker whose services stop side by side: each of six roles may have to wait for a broker that is gone."""

    gone_within: float | None = None
    """For a process with nothing else to end: after so many seconds of stopping it is gone, whatever still hangs.

    A thread that reads a file cannot be ended otherwise. What it reads is not acknowledged, and is read again.
    """

    _away: NotReady | None = None

    async def start(self) -> None:
        """Start them; a broker that went away since it was looked at is no bug, and no traceback."""
        try:
            await super().start()
        except (KafkaError, OSError) as error:
            what = f"Kafka went away while the worker started ({type(error).__name__})"
            self._away = NotReady(f"{what}; start it again, or: oncostream doctor")
            raise asyncio.CancelledError from None  # mode ends in order, and says nothing more

    def execute_from_commandline(self) -> None:
        """Run until told to stop; raises NotReady where it could not start."""
        try:
            super().execute_from_commandline()
        except SystemExit:
            if self._away is not None:
                raise self._away from None
            raise

    async def on_stop(self) -> None:
        """Stop them, the last one started first; one that fails holds nobody up."""
        if self.gone_within is not None:
            end = threading.Timer(self.gone_within, self._cut_short)
            end.daemon = True
            end.start()
        services = list(self.services)[::-1]
        faults = await asyncio.gather(*(service.stop() for service in services), return_exceptions=True)
        for service, fault in zip(services, faults, strict=True):
            if fault is not None:
                log.error("stopped_badly", service=type(service).__name__, error=type(fault).__name__)

    def _cut_short(self) -> None:
        log.warning("stopped_short", seconds=self.gone_within)
        os._exit(1 if self.crash_reason else 0)


def build_worker(settings: Settings, names: Sequence[str], *beside: Service) -> tuple[RoleWorker, Web]:
    """A worker of these roles, and of what runs beside them, ready to run; raises `WrongSettings`."""
    require_address(settings.web)
    parts = make_parts(settings)
    metrics.BUILD.info({"model": parts.manifest.model, "version": parts.dead_letters.version})
    roles = make_roles(parts, names)
    web = Web(settings.web, [role.step for role in roles], lambda: all(role.app.is_ready for role in roles))
    worker = RoleWorker(
        *[role.app for role in roles],
        Lag(roles, parts),
        Renewal(settings.kafka, [role.app.tls for role in roles if role.app.tls is not None]),
        web,
        *beside,
        loglevel="WARN",
        quiet=True,
        redirect_stdouts=False,
        override_logging=False,
        blocking_timeout=0,
        daemon=True,
    )
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # what stands now stays: full collections need not walk through torch and pydantic again
    return worker, web


async def require_topics(settings: Settings) -> None:
    """Raise `NotReady` where the broker is away, or its topics are missing or cut otherwise."""
    try:
        async with opened(admin(settings.places.kafka, settings.kafka), within_seconds=20) as client:
            faults = await topic_faults(client, named(settings.kafka.prefix), settings.kafka.partitions)
    except (KafkaError, TimeoutError, OSError) as error:
        raise NotReady(await kafka_fault(settings.places.kafka, settings.kafka, error)) from None
    if faults:
        raise NotReady(f"{'; '.join(faults)}. Create what is missing: oncostream doctor --create-topics")
