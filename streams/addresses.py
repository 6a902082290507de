"""Addresses of Kafka and Redis as they may be set: what the clients would stumble over is refused before they do."""

from typing import Any

from aiokafka.conn import collect_hosts
from redis.asyncio.connection import ConnectionPool


def kafka_address(text: str) -> str:
    """The same text; ValueError where it is no list of `host:port`."""
    try:
        ports = [port for _, port, _ in collect_hosts(text)] if text.strip() else []
    except ValueError:
        ports = []
    if not ports or not all(0 < port < 65536 for port in ports):
        raise ValueError("wanted host:port, several separated by commas")
    return text


def redis_address(text: str) -> str:
    """The same text; ValueError, without a part of it, where it is no URL of Redis."""
    try:
        pool: Any = ConnectionPool.from_url(text)
        pool.make_connection()  # connects to nothing yet
    except (ValueError, TypeError):  # an option that there is not; its own text may have a part of the password
        raise ValueError(
            "wanted redis://host:port/0, rediss:// for TLS, or unix://; a password's / : @ are written %2F %3A %40"
        ) from None
    return text
