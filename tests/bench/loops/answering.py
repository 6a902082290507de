"""inference and fhir as loops: requests to results, with the memo in Redis, and results to FHIR."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from redis.asyncio import Redis

from agents.wiring import make_parts, model_folder
from loops.loop import Job
from model.serving import Embedding, Predictor, load_predictor
from schemas.canonical import derived_id
from schemas.envelope import envelope
from schemas.evidence import Modality
from schemas.fhir_render import render
from schemas.message import Message
from schemas.request import Request
from schemas.result import Result
from streams.publisher import Outgoing
from streams.settings import Settings


def inference(settings: Settings) -> Job:
    """Requests to results."""
    parts, predictor = make_parts(settings), load_predictor(model_folder(settings))

    async def work(messages: Sequence[Message]) -> list[Outgoing]:
        requests = [Request.model_validate_json(message.value or b"") for message in messages]
        given = await _embeddings(requests, predictor, parts.redis, settings.kafka.prefix)
        now = datetime.now(UTC)
        return [
            _record(result, "result", f"{result.id}/{result.history.revision}", result.to_json(), message, now)
            for message, result in zip(messages, predictor.predict(requests, given), strict=True)
        ]

    def _record(result: Result, kind: str, identity: str, value: bytes, message: Message, now: datetime) -> Outgoing:
        headers = envelope(
            kind=kind, identity=identity, subject=result.patient, role="inference", cause=message, now=now
        )
        return Outgoing(parts.topics.results, result.patient.encode(), value, message.partition, headers)

    return Job("inference", parts.topics.requests, work)


def fhir(settings: Settings) -> Job:
    """Results to FHIR."""
    topics = make_parts(settings).topics

    async def work(messages: Sequence[Message]) -> list[Outgoing]:
        now, records = datetime.now(UTC), []
        for message in messages:
            result = Result.model_validate_json(message.value or b"")
            identity = derived_id(result.id, str(result.history.revision), "fhir")
            headers = envelope(
                kind="fhir", identity=identity, subject=result.patient, role="fhir", cause=message, now=now
            )
            key = result.patient.encode()
            records.append(Outgoing(topics.fhir, key, render(result), message.partition, headers))
        return records

    return Job("fhir", topics.results, work)


async def _embeddings(
    requests: Sequence[Request], predictor: Predictor, redis: Redis, prefix: str
) -> list[dict[Modality, Embedding]]:
    """What `predict` needs: from the memo, or made and put there."""
    keys = {
        (place, modality): f"{prefix}loop-memo:{predictor.memo_key(request, modality)}"
        for place, request in enumerate(requests)
        for modality in predictor.present(request)
    }
    names = list(dict.fromkeys(keys.values()))
    known = {name: value for name, value in zip(names, await redis.mget(names), strict=True) if value is not None}
    missing = {name: at for at, name in keys.items() if name not in known}
    made = dict(zip(missing, predictor.encode(requests, list(missing.values())), strict=True))
    async with redis.pipeline(transaction=False) as pipe:
        for name, vector in made.items():
            pipe.set(name, vector.tobytes(), ex=3600)
        await pipe.execute()
    vectors = {name: np.frombuffer(value, np.float32) for name, value in known.items()} | made
    given: list[dict[Modality, Embedding]] = [{} for _ in requests]
    for (place, modality), name in keys.items():
        given[place][modality] = vectors[name]
    return given
