"""A role's Faust application: its own consumer group, batches in, acknowledgements by hand."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import faust
from faust.types import TP
from mode import CrashingSupervisor

from streams import kafka as kafka_access
from streams import metrics
from streams.batches import Batch, BatchSchema
from streams.header_names import read_any_header_name
from streams.kafka_settings import LONGEST_SESSION, KafkaSettings
from streams.last_acts import last_act
from streams.pace import Pace
from streams.settings import Settings
from streams.topics import LARGEST_RECORD, group_of
from streams.transport import BatchTransport

_NEVER_SECONDS = 10 * 365 * 86400.0
"""No batch is too long in work to stay in the group: after Faust's 1000 s it would leave, and never join again."""
_TOPICS_KNOWN_MS = 10_000
"""A worker whose topic was deleted and made anew owns none of it until it hears of that: by default in five minutes."""

_ALIKE: dict[str, Any] = {
    "store": "memory://",
    "broker_max_poll_interval": _NEVER_SECONDS,
    "broker_commit_interval": 1.0,
    "broker_request_timeout": LONGEST_SESSION.total_seconds(),
    "consumer_auto_offset_reset": "earliest",
    "consumer_metadata_max_age_ms": _TOPICS_KNOWN_MS,
    "producer_acks": -1,
    "producer_request_timeout": LONGEST_SESSION.total_seconds(),
    "producer_linger": 0,
    "producer_max_request_size": LARGEST_RECORD,
    "stream_wait_empty": False,
    "table_standby_replicas": 0,
    "topic_disable_leader": True,
    "topic_allow_declare": False,
    "web_enabled": False,
    "autodiscover": False,
}
"""Settings of Faust that every role shares; docs/faust.md says why."""
BatchStream = AsyncIterator[Batch]
"""What an agent iterates over."""


class BatchApp(faust.App):
    """Faust with `BatchTransport`; see docs/faust.md."""

    pace: Pace
    """How many records its next batch may have."""

    tls: ssl.SSLContext | None
    """What its connections trust and show; None for plain ones."""

    def _new_transport(self) -> Any:
        read_any_header_name()
        return BatchTransport(self.conf.broker_consumer, self)

    async def _producer_flush(self, logger: Any) -> None:
        """Wait for what is on its way: in a rebalance until Kafka has it, before the end for a while."""
        flush = super()._producer_flush(logger)
        await (last_act("flush", flush) if self.should_stop else flush)

    def batch_topic(self, name: str) -> Any:
        """A topic whose events are batches; the agent acknowledges them."""
        return self.topic(name, schema=BatchSchema(), acks=False)

    def listens(self, topic: str, name: str) -> Callable[[Any], Any]:
        """Decorate the one agent of this role: in order, and ending the worker when it raises."""
        for counter in (metrics.OFFSETS_AGAIN, metrics.RECORDS_GONE):
            counter.labels(topic)  # at 0, as metrics.begin does
        agent: Callable[[Any], Any] = self.agent(
            self.batch_topic(topic), name=name, concurrency=1, supervisor_strategy=CrashingSupervisor
        )
        return agent

    def meanwhile(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` beside the agent for as long as the worker lives."""
        self.task(work)

    def assigned(self, topic: str) -> set[int]:
        """The partitions of a topic that this worker owns now: in a rebalance none, until `committed` is known."""
        return {tp.partition for tp in self.consumer.sought & self.consumer.assignment() if tp.topic == topic}

    @property
    def takeovers(self) -> int:
        """Another number than before: others may have owned these partitions meanwhile."""
        return int(self.consumer.seeks)

    @property
    def is_ready(self) -> bool:
        """Whether this role has joined its group and been given its share."""
        return bool(self.started and not self.rebalancing and self.consumer.assignment())

    def lags(self) -> dict[TP, int]:
        """Records of each owned partition that are not acknowledged yet."""
        consumer = self.consumer
        return {
            tp: max(0, (consumer.highwater(tp) or 0) - consumer.reached(tp))
            for tp in (consumer.assignment() if self.started else ())
        }

    def committed(self, topic: str, partition: int) -> int:
        """The committed offset that reading began at, 0 for none."""
        offset = self.consumer._committed_offset.get(TP(topic, partition))
        return int(offset or 0)


def role_app(role: str, settings: Settings, *, heavy: bool) -> BatchApp:
    """The application of one role."""
    kafka = settings.kafka
    session = kafka.session_timeout.total_seconds()
    limit = kafka.heavy_poll_records if heavy else kafka.poll_records
    folder = settings.places.home / "faust" / role
    folder.mkdir(parents=True, exist_ok=True)  # Faust makes the last folder alone
    tls = kafka_access.ssl_context(kafka)
    app = BatchApp(
        group_of(kafka.prefix, role),
        broker=[f"kafka://{server.strip()}" for server in settings.places.kafka.split(",")],
        datadir=str(folder),
        broker_max_poll_records=limit,
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 6,
        broker_rebalance_timeout=session,
        broker_credentials=_credentials(kafka, tls),
        **_ALIKE,
    )
    app.pace, app.tls = Pace(1 if heavy else limit, limit), tls
    return app


def _credentials(kafka: KafkaSettings, context: ssl.SSLContext | None) -> Any:
    """How Faust signs in to Kafka: by password, by TLS alone, or not at all."""
    if not kafka.security.startswith("SASL"):
        return context
    password = kafka_access.password(kafka)
    return faust.SASLCredentials(username=kafka.user, password=password, mechanism=kafka.mechanism, ssl_context=context)
