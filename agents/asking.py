"""What assembly publishes for one patient: a request, and evidence that compaction must not lose."""

from datetime import datetime

from schemas.envelope import envelope
from schemas.evidence import Evidence
from schemas.ids import partition_of
from schemas.message import Message
from schemas.request import Request
from streams.advance import Advanced
from streams.parts import Parts
from streams.publisher import Outgoing


def outgoing(step: Advanced, parts: Parts, now: datetime) -> list[Outgoing]:
    """The records that this step leads to, in the order in which they must be read."""
    partition = partition_of(step.after.patient, parts.settings.kafka.partitions)
    cause = _cause(step, parts, partition, now)
    records = [evidence_record(piece, parts, "assembly", cause, now) for piece in step.winners]
    if step.request is not None:
        records.append(_request_record(step.request, parts, cause, now))
    return records


def evidence_record(piece: Evidence, parts: Parts, role: str, cause: Message, now: datetime) -> Outgoing:
    """A piece of evidence on its way to its patient's partition."""
    return Outgoing(
        topic=parts.topics.evidence,
        key=piece.key.encode(),
        value=piece.to_json(),
        partition=partition_of(piece.patient, parts.settings.kafka.partitions),
        headers=envelope(kind="evidence", identity=piece.hash, subject=piece.patient, role=role, cause=cause, now=now),
    )


def _request_record(request: Request, parts: Parts, cause: Message, now: datetime) -> Outgoing:
    return Outgoing(
        topic=parts.topics.requests,
        key=request.patient.encode(),
        value=request.to_json(),
        partition=cause.partition,
        headers=envelope(
            kind="request", identity=request.id, subject=request.patient, role="assembly", cause=cause, now=now
        ),
    )


def _cause(step: Advanced, parts: Parts, partition: int, now: datetime) -> Message:
    """The last evidence that changed the picture, as far as its trace goes: a deadline has no record of its own."""
    trace = tuple((name, value.encode()) for name, value in step.after.header.trace)
    revision = step.request.history.revision if step.request else 0
    return Message(parts.topics.evidence, partition, revision, None, None, trace, timestamp=now)
