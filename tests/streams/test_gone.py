import asyncio
from collections.abc import Mapping

import pytest
from aiokafka.errors import KafkaTimeoutError
from faust.types import TP
from prometheus_client import REGISTRY

from streams.gone import tell_gone


@pytest.mark.parametrize(
    ("begin", "gone"),
    [
        pytest.param(12, 7, id="removed"),
        pytest.param(5, None, id="a-gap-that-compaction-left"),
        pytest.param(0, None, id="nothing-was-ever-removed"),
        pytest.param(None, None, id="nobody-can-say"),
    ],
)
def test_only_what_the_log_no_longer_begins_with_is_gone(
    request: pytest.FixtureRequest, begin: int | None, gone: float | None
) -> None:
    topic = request.node.callspec.id

    async def begins(tp: TP) -> Mapping[TP, int]:
        if begin is None:
            raise KafkaTimeoutError
        return {tp: begin}

    asyncio.run(tell_gone(begins, TP(topic, 0), 5))
    assert REGISTRY.get_sample_value("oncostream_records_gone_total", {"topic": topic}) == gone
