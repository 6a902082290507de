"""How an installation stands: each role's lag and outcomes, patients waiting, dead letters."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from streams.cache import Cache
from streams.settings import Settings
from streams.topics import group_of, inputs_of, named

_METRICS_SECONDS = 2.0
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks this machine itself: a proxy of the environment (`http_proxy`) does not know it."""


@dataclass(frozen=True)
class Standing:
    """One look. Taken down the road, so that nothing can hide between two roles."""

    lag: Mapping[str, int]
    """Role -> records of its input that it has not acknowledged."""
    waiting: int
    """Patients with a decision due, now or later."""
    due: bool
    """Whether one of those is due by the moment that was asked about."""

    @property
    def settled(self) -> bool:
        """No lag anywhere, and nothing due."""
        return not self.due and not any(self.lag.values())


async def committed_of(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """Where a group has got to; empty for one that never committed, or on a broker that never had any group."""
    try:
        return {place: said.offset for place, said in (await admin.list_consumer_group_offsets(group)).items()}
    except GroupCoordinatorNotAvailableError:
        return {}


class Look:
    """Looks at one installation through open connections."""

    def __init__(
        self, settings: Settings, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, redis: Redis, partitions: int
    ) -> None:
        self._settings = settings
        self._admin = admin
        self._consumer = consumer
        self._cache = Cache(redis, settings.kafka.prefix)
        self._partitions = range(partitions)

    async def standing(self, by: datetime, counts: Mapping[str, int]) -> Standing:
        """How it stands; `counts` has the partitions of each topic, and `due` means due by then."""
        lag, waiting, due = {}, 0, False
        for role, topic in inputs_of(named(self._settings.kafka.prefix)).items():
            lag[role] = await self._lag(role, topic, counts[topic])
            if role == "assembly":
                waiting = await self._cache.waiting(self._partitions)
                due = bool(await self._cache.due(self._partitions, by, 1))
        return Standing(lag, waiting, due)

    async def _lag(self, role: str, topic: str, count: int) -> int:
        places = [TopicPartition(topic, partition) for partition in range(count)]
        ends = await self._consumer.end_offsets(places)
        begins = await self._consumer.beginning_offsets(places)
        reached = await committed_of(self._admin, group_of(self._settings.kafka.prefix, role))
        return sum(left_of(begins[place], reached.get(place, 0), ends[place]) for place in places)


def left_of(begin: int, reached: int, end: int) -> int:
    """Records still to be read: all of them where offsets have begun again since the group got past their end."""
    return end - (begin if reached > end else max(reached, begin))


def outcomes(metrics: str) -> dict[str, dict[str, int]]:
    """Role -> outcome -> events, from a worker's /metrics; empty where it does not answer."""
    if not metrics.startswith(("http://", "https://")):
        return {}
    try:
        with _DIRECTLY.open(metrics, timeout=_METRICS_SECONDS) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError):
        return {}
    found: dict[str, dict[str, int]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "oncostream_events_total":
                found.setdefault(sample.labels["role"], {})[sample.labels["outcome"]] = int(sample.value)
    return found
