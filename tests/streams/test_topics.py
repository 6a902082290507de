import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.asyncapi import asyncapi
from streams.kafka import admin
from streams.opened import opened
from streams.topics import Topics, create_topics, inputs_of, named, topic_faults

Visit = Callable[[AIOKafkaAdminClient, Topics], Awaitable[None]]


@pytest.fixture
def with_admin(fresh_settings: Any) -> Callable[[Visit], None]:
    """Runs an async function with an admin client and topics that no other test sees."""
    settings = fresh_settings.settings

    def run(visit: Visit) -> None:
        async def go() -> None:
            async with opened(admin(settings.places.kafka, settings.kafka)) as client:
                await visit(client, named(settings.kafka.prefix))

        asyncio.run(go())

    return run


async def settings_of(client: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    """What the broker keeps a topic by."""
    responses = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {row[0]: row[1] for response in responses for resource in response.resources for row in resource[4]}


def test_a_prefix_goes_before_every_topic_and_no_two_are_the_same() -> None:
    assert named("a.").evidence == "a.oncology.evidence"
    assert len(set(named("a.").all())) == len(Topics().all()) == 8
    assert not set(named("a.").all()) & set(Topics().all())


def test_the_published_document_says_what_the_workers_do() -> None:
    """Which topics there are, which role reads each, and which are compacted."""
    document, topics = asyncapi(), Topics()
    channels = {name: channel["address"] for name, channel in document["channels"].items()}
    assert set(channels.values()) == set(topics.all())
    for name, channel in document["channels"].items():
        compacted = "topicConfiguration" in channel["bindings"]["kafka"]
        assert compacted == (topics.config(channels[name]).get("cleanup.policy") == "compact"), name
    received = {
        name.partition("Receives")[0]: channels[operation["channel"]["$ref"].rpartition("/")[2]]
        for name, operation in document["operations"].items()
        if operation["action"] == "receive"
    }
    assert received == inputs_of(topics)


async def known(client: AIOKafkaAdminClient, *names: str) -> None:
    """Returns once the broker names these topics: it learns of them a moment after they were created."""
    while not set(names) <= set(await client.list_topics()):
        await asyncio.sleep(0.02)


@pytest.mark.slow
def test_topics_are_created_once_and_kept_as_the_design_says(with_admin: Callable[[Visit], None]) -> None:
    async def visit(client: AIOKafkaAdminClient, topics: Topics) -> None:
        assert await create_topics(client, topics, partitions=3, replication=1) == list(topics.all())
        assert await topic_faults(client, topics, partitions=3) == []  # at once: what was created is known
        assert await create_topics(client, topics, partitions=3, replication=1) == []
        assert await topic_faults(client, topics, partitions=3) == []
        kept = {topic: await settings_of(client, topic) for topic in topics.all()}
        compacted = {topic for topic, found in kept.items() if found["cleanup.policy"] == "compact"}
        assert compacted == {topics.evidence, topics.requests, topics.results, topics.fhir}
        ninety_days = str(90 * 24 * 3600 * 1000)
        lagging = {topic for topic, found in kept.items() if found["min.compaction.lag.ms"] == ninety_days}
        assert lagging == {topics.requests, topics.results, topics.fhir}
        assert kept[topics.evidence]["delete.retention.ms"] == ninety_days
        assert {found["max.message.bytes"] for found in kept.values()} == {str(64 * 2**20)}
        assert kept[topics.dead_letters]["retention.ms"] == "-1"

    with_admin(visit)


@pytest.mark.slow
def test_topics_that_are_missing_or_cut_otherwise_are_faults_with_their_names(
    with_admin: Callable[[Visit], None],
) -> None:
    async def visit(client: AIOKafkaAdminClient, topics: Topics) -> None:
        await client.create_topics([NewTopic(topics.evidence, 2, 1), NewTopic(topics.imaging, 1, 1)])
        await known(client, topics.evidence, topics.imaging)
        faults = await topic_faults(client, topics, partitions=3)
        assert f"topic {topics.requests} is missing" in faults
        assert f"topic {topics.evidence} has 2 partitions, wanted 3 (ONCOSTREAM_KAFKA_PARTITIONS)" in faults
        assert not any(topics.imaging in fault for fault in faults)  # a hospital cuts its own topics as it likes
        assert len(faults) == 7
        created = await create_topics(client, topics, partitions=3, replication=1)
        assert set(created) == set(topics.all()) - {topics.evidence, topics.imaging}
        assert len(await topic_faults(client, topics, partitions=3)) == 1

    with_admin(visit)
