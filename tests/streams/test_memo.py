import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from structlog.testing import capture_logs

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


def damaged() -> float:
    return REGISTRY.get_sample_value("oncostream_memo_total", {"outcome": "damaged"}) or 0.0


@pytest.mark.slow
def test_an_entry_that_is_none_is_a_miss_that_is_counted_told_once_and_made_again(tmp_path: Path) -> None:
    async def go(address: str) -> None:
        async with Redis.from_url(address) as redis:
            memo = Memo(redis, "t.")
            made = {name: bytes(512) for name in ("whole", "cut", "flipped", "swapped", "foreign", "empty", "list")}
            await memo.keep(made)
            entry = await redis.get("t.memo:cut")
            await redis.set("t.memo:cut", entry[:-1])
            await redis.set("t.memo:flipped", entry[:100] + b"\x01" + entry[101:])
            await redis.set("t.memo:swapped", await redis.get("t.memo:whole"))
            await redis.set("t.memo:foreign", b"no embedding")
            await redis.set("t.memo:empty", b"")
            await redis.delete("t.memo:list")
            await redis.rpush("t.memo:list", "another program's")
            before = damaged()
            with capture_logs() as said:
                assert await memo.find(made) == {"whole": bytes(512)}
                assert await memo.find(made) == {"whole": bytes(512)}
            assert damaged() - before == 2 * 5  # Redis itself gives nothing for a list
            assert [line["event"] for line in said] == ["memo_damaged"]
            await memo.keep(made)
            assert await memo.find(made) == made

    with start_cache(tmp_path) as server:
        asyncio.run(go(server.address))
