import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from streams.kafka import reader, writer
from streams.kafka_settings import KafkaSettings
from streams.opened import opened

MADE = pytest.mark.parametrize("made", [reader, writer])
NOBODY = "127.0.0.1:1"


@MADE
def test_a_client_whose_broker_is_away_is_closed_all_the_same(
    made: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def visit() -> None:
        with pytest.raises(KafkaConnectionError):
            async with opened(made(NOBODY, KafkaSettings())):
                pytest.fail("nobody is there")
        gc.collect()

    asyncio.run(visit())
    assert "Unclosed" not in caplog.text


@MADE
def test_a_client_that_does_not_start_in_time_is_closed_too(
    made: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def visit() -> None:
        broker = await asyncio.start_server(silent, "127.0.0.1", 0)
        address = f"127.0.0.1:{broker.sockets[0].getsockname()[1]}"
        with pytest.raises(TimeoutError):
            async with opened(made(address, KafkaSettings()), within_seconds=0.3):
                pytest.fail("it never answers")
        broker.close()
        gc.collect()

    asyncio.run(visit())
    assert "Unclosed" not in caplog.text
