"""Every name of Faust and aiokafka that consumer.py, consumer_thread.py and app.py rest on, as 0.15.3 has it."""

import asyncio
import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode import CrashingSupervisor, Service

from streams.app import BatchApp
from streams.batches import BatchSchema
from streams.consumer import BatchConsumer
from streams.consumer_thread import BatchThread
from streams.publisher import Producer
from streams.transport import BatchProducer, BatchTransport

FETCHED = ["self", "consumer", "active_partitions", "timeout", "max_records"]
OVERRIDDEN = [
    (BatchConsumer, driver.Consumer, "getmany", ["self", "timeout"]),
    (BatchConsumer, driver.Consumer, "_filter_tps_with_pending_acks", ["self", "topics"]),
    (BatchConsumer, driver.Consumer, "_new_offset", ["self", "tp"]),
    (BatchConsumer, driver.Consumer, "_should_commit", ["self", "tp", "offset"]),
    (BatchConsumer, driver.Consumer, "_commit", ["self", "offsets"]),
    (BatchConsumer, driver.Consumer, "perform_seek", ["self"]),
    (BatchConsumer, driver.Consumer, "on_partitions_revoked", ["self", "revoked"]),
    (BatchConsumer, driver.Consumer, "_new_consumer_thread", ["self"]),
    (BatchConsumer, driver.Consumer, "on_stop", ["self"]),
    (BatchProducer, driver.Producer, "on_start", ["self"]),
    (BatchProducer, driver.Producer, "on_stop", ["self"]),
    (BatchThread, driver.AIOKafkaConsumerThread, "on_start", ["self"]),
    (BatchThread, driver.AIOKafkaConsumerThread, "on_thread_stop", ["self"]),
    (BatchThread, driver.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
    (BatchThread, driver.AIOKafkaConsumerThread, "_fetch_records", FETCHED),
    (BatchApp, faust.App, "_new_transport", ["self"]),
    (BatchApp, faust.App, "_producer_flush", ["self", "logger"]),
    (BatchSchema, faust.Schema, "loads_key", None),
    (BatchSchema, faust.Schema, "loads_value", None),
]

CALLED = [
    (driver.Consumer, "_getmany", ["self", "active_partitions", "timeout"]),
    (driver.Consumer, "_get_active_partitions", ["self"]),
    (driver.Consumer, "assignment", ["self"]),
    (driver.Consumer, "highwater", ["self", "tp"]),
    (driver.Consumer, "stop_flow", ["self"]),
    (driver.Consumer, "commit", ["self", "topics", "start_new_transaction"]),
    (driver.AIOKafkaConsumerThread, "seek_to_beginning", ["self", "partitions"]),
]

AWAITED = [
    (AIOKafkaClient, "bootstrap"),
    (driver.Consumer, "_getmany"),
    (driver.Consumer, "_commit"),
    (driver.Consumer, "commit"),
    (driver.Consumer, "perform_seek"),
    (driver.Consumer, "on_partitions_revoked"),
    (driver.AIOKafkaConsumerThread, "seek_to_beginning"),
    (driver.Producer, "send"),
]


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def named(case: object) -> str | None:
    return case.__name__ if isinstance(case, type) else case if isinstance(case, str) else None


@pytest.fixture
def app() -> BatchApp:
    """An application that is not started."""
    return BatchApp("contract", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False, autodiscover=False)


def test_the_versions_are_the_ones_that_were_read() -> None:
    assert (version("faust-streaming"), version("aiokafka")) == ("0.15.3", "0.14.0")


@pytest.mark.parametrize(("ours", "theirs", "name", "expected"), OVERRIDDEN, ids=named)
def test_what_we_override_is_there_with_the_same_parameters(
    ours: type, theirs: type, name: str, expected: list[str] | None
) -> None:
    assert name in vars(ours)
    assert issubclass(ours, theirs)
    if expected is not None:
        assert parameters(getattr(theirs, name)) == expected
        assert parameters(getattr(ours, name)) == expected
    assert inspect.iscoroutinefunction(getattr(ours, name)) == inspect.iscoroutinefunction(getattr(theirs, name))


@pytest.mark.parametrize(("theirs", "name", "expected"), CALLED, ids=named)
def test_what_we_call_is_there_with_the_parameters_we_give(theirs: type, name: str, expected: list[str]) -> None:
    assert parameters(getattr(theirs, name)) == expected


@pytest.mark.parametrize(("theirs", "name"), AWAITED, ids=named)
def test_what_we_await_is_a_coroutine(theirs: type, name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(theirs, name))


def test_their_getmany_is_an_asynchronous_generator_as_ours_is() -> None:
    assert inspect.isasyncgenfunction(BatchConsumer.getmany)
    assert inspect.isasyncgenfunction(driver.Consumer.getmany)


def test_their_thread_fetches_through_the_method_that_bounds_a_batch() -> None:
    assert "self._fetch_records," in inspect.getsource(driver.AIOKafkaConsumerThread.getmany)
    assert "self._thread.getmany(" in inspect.getsource(ThreadDelegateConsumer._getmany)


def test_their_consumer_looks_for_the_same_signs_of_a_rebalance() -> None:
    text = inspect.getsource(Consumer)
    for sign in ("self.flow_active", "self.can_resume_flow", "self._get_active_partitions()", "consumer_generation_id"):
        assert sign in text


def test_an_agents_records_reach_it_through_the_getmany_that_we_override() -> None:
    assert issubclass(driver.Consumer, ThreadDelegateConsumer)
    assert "getmany" not in vars(driver.Consumer) | vars(ThreadDelegateConsumer)
    assert "getmany = self.getmany" in inspect.getsource(Consumer)


def test_commits_go_through_the_four_methods_that_we_override() -> None:
    text = inspect.getsource(Consumer)
    for call in ("self._filter_tps_with_pending_acks(", "self._new_offset(", "self._should_commit(", "self._commit("):
        assert call in text


def test_a_seek_still_fills_the_committed_offsets() -> None:
    text = inspect.getsource(Consumer.perform_seek)
    assert "seek_to_committed" in text
    assert "self._committed_offset.update(" in text


def test_what_is_below_the_offset_that_they_had_reached_is_still_dropped() -> None:
    text = inspect.getsource(Consumer)
    assert "get_read_offset = self._read_offset.__getitem__" in text
    assert "r_offset is None or offset >= r_offset" in text


def test_a_batch_fits_their_message() -> None:
    given = ["topic", "partition", "offset", "timestamp", "timestamp_type", "headers", "key", "value", "checksum"]
    sizes = ["serialized_key_size", "serialized_value_size", "tp"]
    assert parameters(ConsumerMessage.__init__)[1:13] == given + sizes
    assert "generation_id" in parameters(ConsumerMessage.__init__)


def test_the_transport_is_ours_and_makes_our_consumer(app: BatchApp) -> None:
    assert driver.Transport.Consumer is driver.Consumer
    assert isinstance(app.transport, BatchTransport)

    async def made() -> None:
        consumer = app._new_consumer()
        assert isinstance(consumer, BatchConsumer)
        assert isinstance(consumer._thread, BatchThread)
        assert consumer._committed_offset[TP("t", 0)] is None
        assert consumer.flow_active
        assert isinstance(consumer.can_resume_flow.is_set(), bool)
        assert isinstance(consumer, Service)
        assert isinstance(app.producer, BatchProducer)

    asyncio.run(made())


def test_the_application_has_what_the_consumer_asks_of_it(app: BatchApp) -> None:
    async def read() -> None:
        assert isinstance(app.consumer_generation_id, int)
        assert callable(app.flow_control.suspend)
        assert callable(app.flow_control.clear)
        assert app.rebalancing is False
        assert app.conf.broker_rebalance_timeout > 0
        assert app.conf.broker_max_poll_records is None or app.conf.broker_max_poll_records > 0

    asyncio.run(read())


def test_a_batch_topic_has_no_codec_and_no_acknowledgements_of_their_own(app: BatchApp) -> None:
    topic = app.batch_topic("t")
    assert isinstance(topic.schema, BatchSchema)
    assert topic.acks is False


def test_an_agent_has_a_supervisor_that_ends_the_worker(app: BatchApp) -> None:
    @app.listens("t", "contract")
    async def contract(batches: Any) -> None:
        async for _ in batches:
            pass

    assert contract.supervisor_strategy is CrashingSupervisor
    assert contract.concurrency == 1


def test_aiokafka_keeps_the_long_poll_where_we_shorten_it() -> None:
    async def made() -> AIOKafkaConsumer:
        return AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", fetch_max_wait_ms=77)

    consumer = asyncio.run(made())
    assert consumer._fetch_max_wait_ms == 77
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in inspect.getsource(AIOKafkaConsumer)


def test_their_producer_takes_what_our_publisher_gives() -> None:
    ours, theirs = parameters(Producer.send), parameters(driver.Producer.send)
    assert theirs[: len(ours)] == ours
