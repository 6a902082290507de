"""Modality embeddings, remembered by the hash of all they depend on: a hit and a miss give the same bytes."""

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta

from redis.asyncio import Redis

from streams import metrics

_KEPT = timedelta(days=30)


class Memo:
    """Bytes by key in Redis. A lost entry costs time, never truth."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def find(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those that are known, in one round trip."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        started = time.perf_counter()
        values = await self._redis.mget([self._key(key) for key in wanted])
        metrics.CACHE_SECONDS.labels("memo").observe(time.perf_counter() - started)
        found = {key: value for key, value in zip(wanted, values, strict=True) if isinstance(value, bytes)}
        metrics.MEMO.labels("hit").inc(len(found))
        metrics.MEMO.labels("miss").inc(len(wanted) - len(found))
        return found

    async def keep(self, made: Mapping[str, bytes]) -> None:
        """Remember these for a month, in one round trip."""
        if not made:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for key, value in made.items():
                pipe.set(self._key(key), value, ex=_KEPT)
            await pipe.execute()

    def _key(self, key: str) -> str:
        return f"{self._prefix}memo:{key}"
