"""Promise 4: a request processed again gives the same bytes, whatever batch it falls in."""

import asyncio
import random
from collections import defaultdict
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from road import Road, Undisturbed

from model.serving import Predictor, load_predictor
from schemas.request import Request
from schemas.result import Result
from streams.opened import opened

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def predictor(untrained: Path) -> Predictor:
    return load_predictor(untrained)


@pytest.fixture(scope="module")
def stored(undisturbed: Undisturbed) -> dict[tuple[str, int], tuple[Request, bytes]]:
    """(id, revision) -> request and the bytes of its result, as a worker wrote them."""
    road = undisturbed.road

    async def read() -> dict[tuple[str, int], tuple[Request, bytes]]:
        requests = [Request.model_validate_json(m.value or b"") for m in await road.read(road.topics.requests)]
        answers = {name_of(m.value or b""): m.value or b"" for m in await road.read(road.topics.results)}
        named = {(request.id, request.history.revision): request for request in requests}
        return {name: (request, answers[name]) for name, request in named.items()}

    return asyncio.run(read())


def name_of(value: bytes) -> tuple[str, int]:
    """Id and revision of a result."""
    result = Result.model_validate_json(value)
    return result.id, result.history.revision


@pytest.mark.parametrize("seed", range(3))
def test_any_batch_gives_the_bytes_that_the_worker_wrote(
    seed: int, predictor: Predictor, stored: dict[tuple[str, int], tuple[Request, bytes]]
) -> None:
    rng = random.Random(seed)
    left = rng.sample(list(stored.values()), 40)
    while left:
        size = rng.choice((1, 2, 7, 33))
        batch, left = left[:size], left[size:]
        requests = [request for request, _ in batch]
        wanted = [(place, one) for place, request in enumerate(requests) for one in predictor.present(request)]
        rng.shuffle(wanted)
        embeddings: dict[int, dict[object, object]] = defaultdict(dict)
        for (place, modality), value in zip(wanted, predictor.encode(requests, wanted), strict=True):
            embeddings[place][modality] = value
        answers = predictor.predict(requests, [embeddings[place] for place in range(len(requests))])
        assert [answer.to_json() for answer in answers] == [value for _, value in batch]


async def back_to_the_beginning(road: Road) -> None:
    """Make inference read every request again, with an empty memo."""
    async with road.redis() as redis:
        await redis.flushall()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=road.bootstrap, group_id=road.group_of("inference"), enable_auto_commit=False
    )
    places = road.places(road.topics.requests)
    async with opened(consumer):
        consumer.assign(places)
        await consumer.commit(dict.fromkeys(places, 0))


def test_a_worker_that_answers_every_request_again_writes_the_same_bytes(
    undisturbed: Undisturbed, stored: dict[tuple[str, int], tuple[Request, bytes]]
) -> None:
    road = undisturbed.road

    async def again() -> dict[tuple[str, int], list[bytes]]:
        before = len(await road.read(road.topics.results))
        await road.until_members(0)
        await back_to_the_beginning(road)
        worker = road.start("inference")
        await road.until_there_are(before + len(stored), road.topics.results)
        worker.kill()
        answers = defaultdict(list)
        for message in await road.read(road.topics.results):
            answers[name_of(message.value or b"")].append(message.value or b"")
        return answers

    answers = asyncio.run(again())
    assert set(answers) == set(stored)
    assert all(len(values) >= 2 and len(set(values)) == 1 for values in answers.values())
