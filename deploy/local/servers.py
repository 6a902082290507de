"""The broker and the cache of one home, together."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.broker import start_broker
from deploy.local.cache import start_cache
from deploy.local.claim import Claim
from deploy.local.server import Server


@dataclass(frozen=True)
class Addresses:
    """Where clients find the two: Kafka as `host:port`, Redis as a URL."""

    kafka: str
    redis: str


@dataclass(frozen=True)
class LocalServers:
    """The two running servers of one home."""

    broker: Server
    cache: Server

    @property
    def addresses(self) -> Addresses:
        """Where clients find them."""
        return Addresses(kafka=self.broker.address, redis=self.cache.address)


def owner_of(home: Path) -> int | None:
    """The process that runs the servers of this home, or has begun to: it claims the cache's folder first."""
    return Claim(home.resolve() / "cache").owner()


@contextmanager
def running_servers(
    home: Path,
    *,
    kafka_port: int | None = None,
    redis_port: int | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[LocalServers]:
    """Run both for as long as the block lasts; raises LocalError, with nothing left running, where one cannot start.

    A port not given is a free one. Topics stay in `home`; the cache starts empty each time.
    """
    with (
        start_cache(home, port=redis_port, environ=environ) as cache,
        start_broker(home, port=kafka_port, environ=environ) as broker,
    ):
        yield LocalServers(broker, cache)


@contextmanager
def local_servers(
    home: Path,
    *,
    kafka_port: int | None = None,
    redis_port: int | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Addresses]:
    """`running_servers` for who only needs to know where they are."""
    with running_servers(home, kafka_port=kafka_port, redis_port=redis_port, environ=environ) as servers:
        yield servers.addresses
