"""The topics: their names, who fills them, and how the broker must keep them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

_NINETY_DAYS = str(90 * 24 * 3600 * 1000)
_COMPACTED = {"cleanup.policy": "compact", "min.compaction.lag.ms": _NINETY_DAYS}
_ERASABLE = {"cleanup.policy": "compact", "delete.retention.ms": _NINETY_DAYS}
"""An erasure stays that long, not Kafka's one day: gone before assembly is back, it leaves its source in the cache."""
LARGEST_RECORD = 64 * 1024 * 1024
"""Bytes of a record that our producers and topics take: a request carries all the evidence of a patient, and a dead
letter whatever was sent. Of a message that is larger yet, a letter keeps the place alone."""
_LARGE = {"max.message.bytes": str(LARGEST_RECORD)}
_KEPT = {"retention.ms": "-1"}
_KNOWN_SECONDS = 10


@dataclass(frozen=True)
class Topics:
    """Topic names of one installation."""

    observations: str = "fhir.observations"
    imaging: str = "imaging.events"
    sequencing: str = "sequencing.events"
    evidence: str = "oncology.evidence"
    requests: str = "oncology.requests"
    results: str = "oncology.results"
    fhir: str = "oncology.fhir"
    dead_letters: str = "oncology.dead-letters"

    def all(self) -> tuple[str, ...]:
        """Every topic, inputs first."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def ours(self) -> tuple[str, ...]:
        """The topics partitioned by patient, which must all have the same number of partitions."""
        return (self.evidence, self.requests, self.results, self.fhir)

    def config(self, topic: str) -> Mapping[str, str]:
        """How the broker must keep this topic."""
        if topic == self.evidence:
            return _ERASABLE | _LARGE
        if topic in (self.requests, self.results, self.fhir):
            return _COMPACTED | _LARGE
        return (_KEPT if topic == self.dead_letters else {}) | _LARGE


def inputs_of(topics: Topics) -> dict[str, str]:
    """Role -> the topic it reads, in the order of the road."""
    return {
        "clinical": topics.observations,
        "imaging": topics.imaging,
        "genomic": topics.sequencing,
        "assembly": topics.evidence,
        "inference": topics.requests,
        "fhir": topics.results,
    }


def group_of(prefix: str, role: str) -> str:
    """The consumer group of a role."""
    return f"{prefix}oncostream-{role}"


def named(prefix: str) -> Topics:
    """Topics with a prefix before each name."""
    return Topics(**{field.name: f"{prefix}{field.default}" for field in fields(Topics)})


async def create_topics(admin: AIOKafkaAdminClient, topics: Topics, partitions: int, replication: int) -> list[str]:
    """Create what is missing; returns the names created, once the broker knows them. What exists is left as it is.

    It creates a topic before it can say so: some milliseconds, seconds under load. After `_KNOWN_SECONDS` it is not
    waited for any longer, and `topic_faults` says what is missing.
    """
    existing = set(await admin.list_topics())
    wanted = [name for name in topics.all() if name not in existing]
    new = [NewTopic(name, partitions, replication, topic_configs=dict(topics.config(name))) for name in wanted]
    response = await admin.create_topics(new)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(name)
    until = time.monotonic() + _KNOWN_SECONDS
    while not set(wanted) <= (await _partitions(admin)).keys() and time.monotonic() < until:
        await asyncio.sleep(0.05)
    return wanted


async def topic_faults(admin: AIOKafkaAdminClient, topics: Topics, partitions: int) -> list[str]:
    """What is wrong with the broker's topics, a line each; empty where all is well."""
    found = await _partitions(admin)
    faults = [f"topic {name} is missing" for name in topics.all() if name not in found]
    for name in topics.ours():
        if name in found and found[name] != partitions:
            faults.append(
                f"topic {name} has {found[name]} partitions, wanted {partitions} (ONCOSTREAM_KAFKA_PARTITIONS)"
            )
    return faults


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """How many partitions each topic has that the broker knows and has no fault to tell of."""
    return {row["topic"]: len(row["partitions"]) for row in await admin.describe_topics() if not row["error_code"]}
