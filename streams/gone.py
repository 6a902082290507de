"""Records that Kafka removed before they were read (retention): said and counted, since nothing else tells of them."""

from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from streams import metrics

log = structlog.get_logger()


async def tell_gone(begins: Callable[[TP], Awaitable[Mapping[TP, int]]], tp: TP, expected: int) -> None:
    """Tell what is gone of what was to be read from `expected` on; nothing where compaction alone left a gap there."""
    try:
        begin = dict(await begins(tp))[tp]
    except KafkaError as error:
        log.warning(
            "gap_unexplained", topic=tp.topic, partition=tp.partition, offset=expected, error=type(error).__name__
        )
        return
    if begin > expected:
        log.error("records_gone", topic=tp.topic, partition=tp.partition, offset=expected, records=begin - expected)
        metrics.RECORDS_GONE.labels(tp.topic).inc(begin - expected)
