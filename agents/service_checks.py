"""Kafka and Redis as a deployment needs them: topics, groups, and a cache that evicts nothing of its own."""

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError, KafkaError
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from agents.checks import Finding, State, away, note, well, wrong
from agents.clients import administering, caching, partitions_of, reading, shown
from agents.exits import Away
from agents.standing import committed_of
from streams.kafka_fault import OF_THE_USER
from streams.settings import Settings
from streams.topics import create_topics, group_of, inputs_of, named, topic_faults


async def check_kafka(settings: Settings, *, create: bool) -> list[Finding]:
    """Reachable, topics there and cut as set (`create`: make what is missing), and who listens."""
    try:
        async with administering(settings) as admin:
            found = [well("kafka", f"{settings.places.kafka} answers")]
            if create:
                found.append(await _created(settings, admin))
            topics = await _topics(settings, admin)
            offsets = await _offsets(settings, admin) if all(each.state is State.WELL for each in topics) else []
            return found + topics + offsets + await _groups(settings, admin)
    except Away as error:
        return [away("kafka", error)]


async def check_redis(settings: Settings) -> list[Finding]:
    """Reachable, and with an eviction policy that never takes a patient out behind our back."""
    try:
        async with caching(settings) as redis:
            return [well("redis", f"{shown(settings.places.redis)} answers"), *await _eviction(redis)]
    except Away as error:
        return [away("redis", error)]


async def _created(settings: Settings, admin: AIOKafkaAdminClient) -> Finding:
    kafka = settings.kafka
    try:
        made = await create_topics(admin, named(kafka.prefix), kafka.partitions, kafka.replication)
    except KafkaError as error:
        remedy = "check the user's rights, and ONCOSTREAM_KAFKA_REPLICATION against the number of brokers"
        return wrong("topics", f"could not be created ({type(error).__name__})", remedy)
    return well("topics", f"created {', '.join(made)}" if made else "none was missing")


async def _topics(settings: Settings, admin: AIOKafkaAdminClient) -> list[Finding]:
    faults = await topic_faults(admin, named(settings.kafka.prefix), settings.kafka.partitions)
    remedies = {
        True: "oncostream doctor --create-topics",
        False: "set ONCOSTREAM_KAFKA_PARTITIONS to what is there, the same for every worker",
    }
    if not faults:
        return [well("topics", f"all there, ours with {settings.kafka.partitions} partitions")]
    return [wrong("topics", fault, remedies[fault.endswith("missing")]) for fault in faults]


async def _groups(settings: Settings, admin: AIOKafkaAdminClient) -> list[Finding]:
    idle: list[str] = []
    busy: list[str] = []
    for role in inputs_of(named(settings.kafka.prefix)):
        group = group_of(settings.kafka.prefix, role)
        try:
            running = await _state(admin, group) not in ("Dead", "Empty")
        except GroupAuthorizationFailedError:
            return [wrong("workers", f"group {group} may not be read; {OF_THE_USER}")]
        (busy if running else idle).append(role)
    findings = [well("workers", f"somebody runs {', '.join(busy)}")] if busy else []
    if idle:
        findings.append(note("workers", f"nobody runs {', '.join(idle)}", "oncostream run, or oncostream up"))
    return findings


async def _offsets(settings: Settings, admin: AIOKafkaAdminClient) -> list[Finding]:
    """Groups past the end of their topic (it was made anew, or lost its end), or before its beginning (retention)."""
    past, gone = [], []
    counts = await partitions_of(admin, named(settings.kafka.prefix).all())
    async with reading(settings) as consumer:
        for role, topic in inputs_of(named(settings.kafka.prefix)).items():
            reached = await committed_of(admin, group_of(settings.kafka.prefix, role))
            ours = [place for place in reached if place.topic == topic and place.partition < counts[topic]]
            ends = await consumer.end_offsets(ours) if ours else {}
            begins = await consumer.beginning_offsets(ours) if ours else {}
            past += [(role, place, reached[place], end) for place, end in ends.items() if reached[place] > end]
            gone += [(role, place, reached[place], at) for place, at in begins.items() if 0 < reached[place] < at]
    return [_gone(*each) for each in gone] + [
        wrong(
            "offsets",
            f"{role} has read {place.topic}/{place.partition} up to {offset}, and it ends at {end}",
            f"start a worker of {role} now, which reads it from its beginning; once it has {offset} records again, "
            "nothing tells the new ones from those that were read",
        )
        for role, place, offset, end in past
    ]


def _gone(role: str, place: TopicPartition, reached: int, begin: int) -> Finding:
    found = f"{role} has read {place.topic}/{place.partition} up to {reached}, and it begins at {begin}: "
    remedy = "have them sent again, and keep the topic longer (retention.ms) than a worker may be away"
    return wrong("offsets", f"{found}{begin - reached} records were removed unread", remedy)


async def _state(admin: AIOKafkaAdminClient, group: str) -> str:
    """State of a consumer group. Asked one by one: aiokafka 0.14 misreads an answer about several."""
    try:
        (response,) = await admin.describe_consumer_groups([group])
    except GroupCoordinatorNotAvailableError:
        return "Dead"  # a broker that never had any group
    return str(response.groups[0][2])


async def _eviction(redis: Redis) -> list[Finding]:
    try:
        said = await redis.config_get("maxmemory*")
    except ResponseError:
        return [note("redis", "its settings may not be read", "see yourself that maxmemory-policy is noeviction")]
    policy, most = str(said.get("maxmemory-policy", "noeviction")), int(said.get("maxmemory", 0) or 0)
    if policy.startswith("allkeys"):
        found = f"maxmemory-policy is {policy}: patients can vanish one by one, unnoticed"
        return [
            wrong("redis", found, "CONFIG SET maxmemory-policy volatile-lru (only the memo expires), or noeviction")
        ]
    if not most:
        return [note("redis", f"{policy}, without maxmemory", "set maxmemory where others share the machine")]
    return [well("redis", f"{policy}, maxmemory {most // 1_000_000} MB")]
