import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from deploy.local.cache import start_cache
from streams.memo import Memo


@pytest.mark.slow
def test_a_memo_gives_back_the_bytes_it_was_given_or_nothing(tmp_path: Path) -> None:
    async def go(address: str) -> None:
        async with Redis.from_url(address) as redis:
            memo = Memo(redis, "t.")
            assert await memo.find([]) == {}
            await memo.keep({})
            await memo.keep({"a": b"\x00\xff", "b": b""})
            assert await memo.find(["a", "b", "c", "a"]) == {"a": b"\x00\xff", "b": b""}
            assert 0 < await redis.ttl("t.memo:a") <= timedelta(days=30).total_seconds()
            assert await Memo(redis, "another.").find(["a"]) == {}
            await redis.flushall()
            assert await memo.find(["a"]) == {}

    with start_cache(tmp_path) as server:
        asyncio.run(go(server.address))
