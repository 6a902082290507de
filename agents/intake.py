"""What the three intake roles share: each message alone, in a thread, and evidence to its patient's partition."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import structlog

from agents.asking import evidence_record
from schemas.envelope import reread_of
from schemas.errors import Reason, Refused, Unavailable
from schemas.evidence import Evidence, EvidenceStatus, Modality, evidence
from schemas.message import Message, Reading
from streams import metrics
from streams.app import BatchApp, BatchStream
from streams.pace import Pace
from streams.parts import Parts
from streams.publisher import Outgoing, Publisher
from streams.step import Outcome, Said, SetAside, Step, Work, refusal_of

LARGEST_PIECE: Mapping[Modality, int] = {
    Modality.CLINICAL: 128 * 1024,
    Modality.IMAGING: 512 * 1024,
    Modality.GENOMIC: 512 * 1024,
}
"""Bytes of a piece of evidence: a request carries the newest of each modality, and must fit a record of ours."""

Read = Callable[[Message], Reading]
log = structlog.get_logger()


def listen(app: BatchApp, parts: Parts, *, role: str, topic: str, read: Read) -> Step:
    """Read every message of `topic` into evidence for as long as the worker lives."""
    step = Step(role, Publisher(app.producer), parts.dead_letters, parts.pulse)
    read = checked(read, key_is_patient=parts.settings.places.input_key == "patient")
    work = work_of(read, parts, role, app.pace)

    @app.listens(topic, name=role)
    async def intake(batches: BatchStream) -> None:
        async for batch in batches:
            if await step.run(batch, work):
                batch.ack()
            else:
                batch.drop()

    return step


def work_of(read: Read, parts: Parts, role: str, pace: Pace) -> Work:
    """What a step does with messages: each is read alone, and one whose file is away is the only one read again."""

    async def work(messages: Sequence[Message]) -> Sequence[Outcome | Unavailable]:
        started = time.monotonic()
        outcomes = await asyncio.to_thread(_read_all, messages, read, parts, role)
        pace.learn(len(messages), time.monotonic() - started)
        return outcomes

    return work


def _read_all(messages: Sequence[Message], read: Read, parts: Parts, role: str) -> list[Outcome | Unavailable]:
    now = datetime.now(UTC)
    return [_outcome(message, read, parts, role, now) for message in messages]


def _outcome(message: Message, read: Read, parts: Parts, role: str, now: datetime) -> Outcome | Unavailable:
    try:
        reading = read(message)
        records = _records(reading.evidence, parts, role, message, now)
        _require_small(records, reading.evidence)
    except Unavailable as away:
        return away
    except Exception as error:  # noqa: BLE001  the one place where a bug becomes a dead letter
        refused = refusal_of(error)
        if refused.reason is Reason.INTERNAL_ERROR:
            log.error("internal_error", role=role, detail=refused.detail)
        return SetAside(refused, _records([_small(piece) for piece in refused.evidence], parts, role, message, now))
    return Said(records, "evidence" if records else "unchanged", partial(_count_skipped, reading.skipped))


def _count_skipped(kinds: Iterable[str]) -> None:
    for kind in kinds:
        metrics.SKIPPED.labels(kind).inc()


def _records(
    pieces: Sequence[Evidence], parts: Parts, role: str, message: Message, now: datetime
) -> tuple[Outgoing, ...]:
    again = reread_of(message)
    read = [piece.model_copy(update={"reread": again}) for piece in pieces] if again else pieces
    return tuple(evidence_record(piece, parts, role, message, now) for piece in read)


def _require_small(records: Sequence[Outgoing], pieces: tuple[Evidence, ...]) -> None:
    for record, piece in zip(records, pieces, strict=True):
        if len(record.value or b"") > (most := LARGEST_PIECE[piece.modality]):
            raise Refused(
                Reason.TOO_LARGE,
                f"one source says more than {most} bytes of evidence can hold; send it as several sources",
                evidence=pieces,
            )


def _small(piece: Evidence) -> Evidence:
    """The piece, or in place of one that is too large that its source was not read."""
    if len(piece.to_json()) <= LARGEST_PIECE[piece.modality]:
        return piece
    return evidence(
        patient=piece.patient,
        modality=piece.modality,
        source=piece.source,
        version=piece.version,
        occurred_at=piece.occurred_at,
        origin=piece.origin,
        status=EvidenceStatus.UNREADABLE,
    )


def checked(read: Read, *, key_is_patient: bool) -> Read:
    """`read`, refusing a message without a value and, where asked to, one whose key is not the patient inside."""

    def read_checked(message: Message) -> Reading:
        if message.value is None:
            raise Refused(Reason.NOTHING_TO_READ, "the message has no value; send a withdrawal to take evidence back")
        try:
            reading = read(message)
        except Refused as refused:
            require_key(message, refused.evidence)
            raise
        require_key(message, reading.evidence)
        return reading

    def require_key(message: Message, pieces: Sequence[Evidence]) -> None:
        if key_is_patient and any(piece.patient.encode() != message.key for piece in pieces):
            raise Refused(
                Reason.KEY_MISMATCH, "the key is not the patient inside, and ONCOSTREAM_INPUT_KEY=patient wants it so"
            )

    return read_checked
