"""Modality embeddings, remembered by the hash of all they depend on: a hit and a miss give the same bytes.

Each lies behind a digest of its key and bytes. An entry that was damaged, or is none of ours, is made again.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta

import structlog
from redis.asyncio import Redis

from streams import metrics

log = structlog.get_logger()

_KEPT = timedelta(days=30)
_DIGEST_BYTES = 8


class Memo:
    """Bytes by key in Redis. A lost entry costs time, never truth."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._told = False

    async def find(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those that are known, in one round trip."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        started = time.perf_counter()
        values = await self._redis.mget([self._key(key) for key in wanted])
        metrics.CACHE_SECONDS.labels("memo").observe(time.perf_counter() - started)
        entries = {key: value for key, value in zip(wanted, values, strict=True) if isinstance(value, bytes)}
        found = {key: entry[_DIGEST_BYTES:] for key, entry in entries.items() if _is_whole(key, entry)}
        self._count(hits=len(found), misses=len(wanted) - len(entries), damaged=len(entries) - len(found))
        return found

    async def keep(self, made: Mapping[str, bytes]) -> None:
        """Remember these for a month, in one round trip."""
        if not made:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for key, value in made.items():
                pipe.set(self._key(key), _digest(key, value) + value, ex=_KEPT)
            await pipe.execute()

    def _count(self, hits: int, misses: int, damaged: int) -> None:
        metrics.MEMO.labels("hit").inc(hits)
        metrics.MEMO.labels("miss").inc(misses)
        metrics.MEMO.labels("damaged").inc(damaged)
        if damaged and not self._told:
            self._told = True  # once a worker: the metric has the rest
            log.warning("memo_damaged", entries=damaged)

    def _key(self, key: str) -> str:
        return f"{self._prefix}memo:{key}"


def _is_whole(key: str, entry: bytes) -> bool:
    return entry[:_DIGEST_BYTES] == _digest(key, entry[_DIGEST_BYTES:])


def _digest(key: str, value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_DIGEST_BYTES, key=key.encode()[:64]).digest()
