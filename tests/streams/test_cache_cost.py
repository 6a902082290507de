import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Connection, ConnectionPool, Redis

from deploy.local.cache import start_cache
from streams.cache import Cache, Stored, Update


class Counted(Connection):
    """A connection that counts what it sends: a pipeline is sent once."""

    sent = 0

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        Counted.sent += 1
        await super().send_packed_command(command, check_health)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 200])
def test_a_batch_costs_two_round_trips_whatever_its_size(tmp_path: Path, size: int) -> None:
    async def go(address: str) -> None:
        async with Redis.from_pool(ConnectionPool.from_url(address, connection_class=Counted)) as redis:
            cache = Cache(redis, "t.")
            await cache.store({0: []}, {}, {})  # loads the script, once
            patients = {f"p-{at}": at % 3 for at in range(size)}
            before = Counted.sent
            loaded = await cache.load_with(patients, range(3))
            updates: dict[int, list[Update]] = {0: [], 1: [], 2: []}
            for name, partition in patients.items():
                updates[partition].append(Update(loaded.patients[name], loaded.patients[name], None))
            assert set((await cache.store(updates, {}, dict.fromkeys(range(3), 1))).values()) == {Stored.DONE}
            assert Counted.sent - before == 2

    with start_cache(tmp_path) as server:
        asyncio.run(go(server.address))
