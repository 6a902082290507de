"""/metrics, /health and /ready of one worker. Faust's own web pages are off."""

import socket
import time
from collections.abc import Callable, Sequence

from aiohttp import web
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams import metrics
from streams.settings import WebSettings, WrongSettings
from streams.step import Step

Ready = Callable[[], bool]


def require_address(settings: WebSettings) -> None:
    """Raise `WrongSettings` where nobody can listen at this host and port, while it is still one line to say so."""
    try:
        for family, _, _, _, place in socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM):
            socket.create_server(place[:2], family=family).close()
    except OSError as error:
        where = f"ONCOSTREAM_WEB_HOST and ONCOSTREAM_WEB_PORT: found {settings.host}:{settings.port}"
        why = str(error.strerror).partition(" (")[0]
        raise WrongSettings(f"{where} ({why}); wanted a host of this machine and a free port") from None


class Web(Service):
    """Serves what Prometheus and an orchestrator ask for."""

    def __init__(self, settings: WebSettings, steps: Sequence[Step], ready: Ready) -> None:
        super().__init__()
        self.port = settings.port
        self.when_open: Callable[[], None] = lambda: None
        self._settings = settings
        self._steps = steps
        self._ready = ready
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Open the port, or fail with the reason."""
        app = web.Application()
        app.add_routes(
            [web.get("/metrics", self._metrics), web.get("/health", self._health), web.get("/ready", self._is_ready)]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.when_open()

    async def on_stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def is_ready(self) -> bool:
        """Whether every role has its partitions."""
        return self._ready()

    @property
    def address(self) -> str:
        """Where the metrics are."""
        return f"http://{self._settings.host}:{self.port}/metrics"

    async def _metrics(self, _: web.Request) -> web.Response:
        for step in self._steps:
            metrics.OLDEST.labels(step.role).set(_in_work(step))
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _health(self, _: web.Request) -> web.Response:
        """Live while no partition's oldest batch has been in work for too long."""
        limit = self._settings.stuck_after.total_seconds()
        stuck = [step.role for step in self._steps if _in_work(step) > limit]
        if stuck:
            return web.Response(status=503, text=f"no progress: {', '.join(stuck)}\n")
        return web.Response(text="progressing\n")

    async def _is_ready(self, _: web.Request) -> web.Response:
        """Ready when every role has its partitions."""
        ready = self._ready()
        return web.Response(status=200 if ready else 503, text="ready\n" if ready else "starting\n")


def _in_work(step: Step) -> float:
    return 0.0 if step.begun_at is None else time.monotonic() - step.begun_at
