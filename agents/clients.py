"""Connections of a command: opened within ten seconds or not at all, and away in one line."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from ssl import SSLCertVerificationError
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from agents.exits import AskedWrongly, Away
from streams.kafka import admin, reader, writer
from streams.kafka_fault import kafka_fault
from streams.settings import Settings
from streams.topics import LARGEST_RECORD

_SECONDS = 10


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group; raises Away."""
    client = reader(settings.places.kafka, settings.kafka, request_timeout_ms=_SECONDS * 1000)
    async with _open(settings, client, client.stop):
        yield client


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that waits for all replicas; raises Away."""
    client = writer(settings.places.kafka, settings.kafka)
    async with _open(settings, client, client.stop):
        yield client


@asynccontextmanager
async def administering(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client; raises Away."""
    client = admin(settings.places.kafka, settings.kafka)
    async with _open(settings, client, client.close):
        yield client


@asynccontextmanager
async def caching(settings: Settings) -> AsyncIterator["Redis"]:
    """Redis, after it has answered once; raises Away."""
    url = settings.places.redis
    client = Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)
    try:
        await client.ping()
        yield client
    except (RedisError, OSError) as error:
        raise Away(f"Redis at {shown(url)} {_redis_fault(error)}") from None
    finally:
        await client.aclose()


def _redis_fault(error: RedisError | OSError) -> str:
    """What a client's error comes from and the remedy, as the end of a sentence."""
    if isinstance(error, AuthenticationError):
        return "refuses the user or the password; set them in ONCOSTREAM_REDIS: rediss://user:password@host"
    if isinstance(error, NoPermissionError):
        return "does not allow this; give the user of ONCOSTREAM_REDIS its rights (docs/operations.md)"
    if isinstance(error.__context__, SSLCertVerificationError):
        reason = error.__context__.verify_message
        return f"shows a certificate that we do not trust ({reason}); set ?ssl_ca_certs=FILE in ONCOSTREAM_REDIS"
    return f"does not answer ({type(error).__name__}); start it, or set ONCOSTREAM_REDIS"


async def partitions_of(client: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, int]:
    """The number of partitions of each topic; raises Away where one is missing."""
    found = {row["topic"]: len(row["partitions"]) for row in await client.describe_topics() if not row["error_code"]}
    missing = sorted(set(topics) - found.keys())
    if missing:
        raise Away(f"topic {missing[0]} is missing; create what is missing: oncostream doctor --create-topics")
    return {topic: found[topic] for topic in topics}


def shown(url: str) -> str:
    """An address without its user and password, nor its options: a password may stand there as well."""
    scheme, separator, rest = url.partition("?")[0].rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


@asynccontextmanager
async def _open(settings: Settings, client: Any, close: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a command says itself what is away, in one line
    try:
        await asyncio.wait_for(client.start(), _SECONDS)
        yield
    except MessageSizeTooLargeError:
        raise AskedWrongly(f"a record is over {LARGEST_RECORD} bytes, or over the broker's limit; split it") from None
    except (KafkaError, TimeoutError, OSError) as error:
        raise Away(await kafka_fault(settings.places.kafka, settings.kafka, error)) from None
    finally:
        await close()
