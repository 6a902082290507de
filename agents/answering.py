"""Requests to results through one network: read, encode what the memo lacks, predict, and word as records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import structlog
from pydantic import ValidationError

from model.serving import Embedding, Predictor
from schemas.envelope import envelope
from schemas.errors import Reason, Refused
from schemas.evidence import Modality
from schemas.message import Message
from schemas.request import Request
from schemas.result import Result
from streams import metrics
from streams.publisher import Outgoing
from streams.step import Outcome, Said, SetAside, refusal_of

log = structlog.get_logger()


@dataclass(frozen=True)
class ReadBatch:
    """Requests as read, with the memo key of every modality that they need."""

    messages: Sequence[Message]
    requests: list[Request | Refused]
    wanted: Mapping[tuple[int, Modality], str]
    """(place, modality) -> memo key."""

    def set_aside(self, key: str, refused: Refused) -> None:
        """Refuse the requests that need this embedding, which cannot be made."""
        for (place, _), wanted in self.wanted.items():
            if wanted == key:
                self.requests[place] = refused

    @property
    def keys(self) -> set[str]:
        """Every memo key of the batch."""
        return set(self.wanted.values())


class Answering:
    """One network at work. Its methods are called one at a time."""

    def __init__(self, predictor: Predictor, results_topic: str) -> None:
        self._predictor = predictor
        self.waits = predictor.waits
        """Whether an answer may wait for a quantum backend."""
        self._topic = results_topic
        metrics.begin_results()

    def read(self, messages: Sequence[Message]) -> ReadBatch:
        """Parse the requests; one that is none, or is for another network, is refused."""
        requests = [self._request(message) for message in messages]
        wanted = {
            (place, modality): self._predictor.memo_key(request, modality)
            for place, request in enumerate(requests)
            if not isinstance(request, Refused)
            for modality in self._predictor.present(request)
        }
        return ReadBatch(messages, requests, wanted)

    def encode(self, batch: ReadBatch, known: Mapping[str, bytes]) -> dict[str, bytes]:
        """The embeddings that the memo lacks, each once; a request of which one cannot be made is refused."""
        missing = {key: place for place, key in batch.wanted.items() if key not in known}
        if not missing:
            return {}
        requests = _only_requests(batch)
        try:
            return self._encoded(requests, missing)
        except Exception as error:  # noqa: BLE001  one bad row must not take its batch along: each is read alone
            log.error("batch_failed", error=type(error).__name__)
        made: dict[str, bytes] = {}
        for key, place in missing.items():
            try:
                made |= self._encoded(requests, {key: place})
            except Exception as error:  # noqa: BLE001  a bug becomes a dead letter of this one patient
                batch.set_aside(key, refusal_of(error))
        return made

    def _encoded(self, requests: Sequence[Request], places: Mapping[str, tuple[int, Modality]]) -> dict[str, bytes]:
        embeddings = self._predictor.encode(requests, list(places.values()))
        return {key: value.astype("<f4").tobytes() for key, value in zip(places, embeddings, strict=True)}

    def answer(self, batch: ReadBatch, embeddings: Mapping[str, bytes], now: datetime) -> list[Outcome]:
        """One outcome a request, in order."""
        arrays = {key: np.frombuffer(value, dtype="<f4") for key, value in embeddings.items()}
        given: dict[int, dict[Modality, Embedding]] = {}
        for (place, modality), key in batch.wanted.items():
            if not isinstance(batch.requests[place], Refused):
                given.setdefault(place, {})[modality] = arrays[key]
        places = [place for place, request in enumerate(batch.requests) if not isinstance(request, Refused)]
        answers = self._predict([(batch.requests[place], given.get(place, {})) for place in places])
        said = dict(zip(places, answers, strict=True))
        return [self._outcome(batch, place, said.get(place), now) for place in range(len(batch.messages))]

    def _predict(self, rows: Sequence[tuple[Request | Refused, dict[Modality, Embedding]]]) -> list[Result | Refused]:
        requests = [request for request, _ in rows if isinstance(request, Request)]
        embeddings = [given for _, given in rows]
        try:
            return list(self._predictor.predict(requests, embeddings))
        except Exception as error:  # noqa: BLE001  one bad row must not take its batch along: each is asked alone
            log.error("batch_failed", error=type(error).__name__)
            return [self._alone(request, given) for request, given in zip(requests, embeddings, strict=True)]

    def _alone(self, request: Request, given: Mapping[Modality, Embedding]) -> Result | Refused:
        try:
            return self._predictor.predict([request], [given])[0]
        except Exception as error:  # noqa: BLE001  a bug becomes a dead letter of this one patient
            return refusal_of(error)

    def _outcome(self, batch: ReadBatch, place: int, answer: Result | Refused | None, now: datetime) -> Outcome:
        message, request = batch.messages[place], batch.requests[place]
        if message.value is None:
            return Said((), "unchanged")  # an erasure: nothing to answer
        if isinstance(request, Refused):
            return SetAside(request)
        if not isinstance(answer, Result):
            return SetAside(answer or Refused(Reason.INTERNAL_ERROR, "no answer; report it, replay after the fix"))
        identity = f"{answer.id}/{answer.history.revision}"
        headers = envelope(
            kind="result", identity=identity, subject=answer.patient, role="inference", cause=message, now=now
        )
        record = Outgoing(self._topic, answer.patient.encode(), answer.to_json(), message.partition, headers)
        return Said((record,), count=partial(_count, answer))

    def _request(self, message: Message) -> Request | Refused:
        try:
            request = Request.model_validate_json(message.value or b"")
        except ValidationError:
            return Refused(Reason.NOT_AN_EVENT, "not a request; only oncostream's assembly may write this topic")
        ours = self._predictor.model
        if request.model != ours:
            return Refused(
                Reason.UNSUPPORTED,
                f"asked of {request.model}, this worker runs {ours}; replay it on a worker of that network, or leave "
                "it: assembly asks again of the new one",
            )
        return request


def _only_requests(batch: ReadBatch) -> list[Request]:
    """The requests at their places; a refused one's place is never asked for."""
    filler = next(request for request in batch.requests if isinstance(request, Request))
    return [filler if isinstance(request, Refused) else request for request in batch.requests]


def _count(result: Result) -> None:
    metrics.of(metrics.RESULTS, result.history.status.value, result.history.cause.value).inc()
    for modality in result.imputed:
        metrics.of(metrics.IMPUTED, modality.value).inc()
    if result.abstained:
        metrics.of(metrics.ABSTENTIONS, result.abstained).inc()
    if result.doubt:
        for source in ("data", "imputation", "model", "shots", "hardware", "total"):
            metrics.of(metrics.DOUBT, source).observe(getattr(result.doubt, source))
    ran = result.provenance
    metrics.of(metrics.QUANTUM_CALLS, _kind(ran.quantum_backend)).inc()
    for fallback in ran.fallbacks:
        metrics.of(metrics.QUANTUM_FALLBACKS, _kind(fallback.partition("->")[0]), ran.quantum_reason).inc()


def _kind(backend: str) -> str:
    """The closed part of a backend's name: `device:NAME:SHOTS` -> `device`."""
    return backend.partition(":")[0]
