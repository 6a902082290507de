"""Take one patient a step further: new evidence in, the next state and what to say out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.envelope import RECEIVED, received_at
from schemas.evidence import Evidence
from schemas.message import Message
from schemas.picture import SourceKey, View, bounded, merge, newest_time, view
from schemas.request import History, Request, Status, request_id
from streams.policy import Ask, Policy, Settled, Wait, Withdraw, change, decide
from streams.state import Header, PatientState, asked_of, righted, touched


@dataclass(frozen=True)
class Arrival:
    """A piece of evidence with the record that brought it. `piece` None erases the source."""

    message: Message
    key: SourceKey
    piece: Evidence | None


@dataclass(frozen=True)
class Advanced:
    """One patient after a step."""

    before: PatientState
    after: PatientState
    request: Request | None
    due: datetime | None
    """When to decide again; None where nothing is open."""
    fresh: tuple[bool, ...]
    """For each arrival: did it change the picture."""
    winners: tuple[Evidence, ...]
    """Evidence to publish again: an older version came after it, and compaction would keep the older one."""
    dropped: int
    """Sources dropped over the cap."""


def advance(state: PatientState, arrivals: Sequence[Arrival], policy: Policy, now: datetime) -> Advanced:
    """Merge the arrivals and decide."""
    picture, header = dict(state.picture), righted(state.header, now)
    fresh: list[bool] = []
    winners: dict[SourceKey, Evidence] = {}
    for arrival in arrivals:
        known = picture.get(arrival.key)
        merged = _merged(known, arrival.piece)
        fresh.append(merged is not known and merged != known)
        if fresh[-1]:
            header = _touched_by(header, arrival.message, now)
            winners.pop(arrival.key, None)
        elif known is not None and arrival.piece != known and _loses(arrival.piece, known):
            winners[arrival.key] = known
        if merged is None:
            picture.pop(arrival.key, None)
        elif fresh[-1]:
            picture[arrival.key] = merged
    kept = bounded(picture, policy.cap)
    if len(kept) < len(picture):
        header = header.model_copy(update={"truncated": True})
    after = replace(state, header=header, picture=kept)
    after, request, due = _decided(after, policy, now)
    return Advanced(state, after, request, due, tuple(fresh), tuple(winners.values()), len(picture) - len(kept))


def _merged(known: Evidence | None, piece: Evidence | None) -> Evidence | None:
    if known is None or piece is None:
        return piece
    return merge(known, piece)


def _loses(piece: Evidence | None, known: Evidence) -> bool:
    return piece is not None and piece.rank < known.rank


def _touched_by(header: Header, message: Message, now: datetime) -> Header:
    trace = [("traceparent", message.header("traceparent") or ""), (RECEIVED, received_at(message).isoformat())]
    trace = [pair for pair in trace if pair[1]]
    return touched(header, message.timestamp, now).model_copy(update={"trace": tuple(trace)})


def _decided(
    state: PatientState, policy: Policy, now: datetime
) -> tuple[PatientState, Request | None, datetime | None]:
    match decide(state, policy, now):
        case Settled():
            return state, None, None
        case Wait(until=until):
            return state, None, until
        case Withdraw(cause=cause):
            decision = Ask(Status.WITHDRAWN, cause)
        case Ask() as ask:
            decision = ask
    seen = view(state.picture, policy.window)
    request = _request(state, seen, decision, policy)
    asked = asked_of(request, now, state.header.asked)
    header = state.header.model_copy(update={"asked": asked})
    return replace(state, header=header), request, None


def _request(state: PatientState, seen: View, ask: Ask, policy: Policy) -> Request:
    asked = state.header.asked
    history = History(
        revision=asked.revision + 1 if asked else 1,
        status=ask.status,
        cause=ask.cause,
        supersedes=asked.id if asked else None,
        changed=change(seen, asked),
    )
    return Request(
        id=request_id(state.patient, seen, policy.model, truncated=state.header.truncated),
        patient=state.patient,
        model=policy.model,
        evidence=seen.evidence,
        missing=dict(seen.missing),
        unreadable=seen.unreadable,
        truncated=state.header.truncated,
        history=history,
        asked_at=newest_time({(piece.modality, piece.source): piece for piece in seen.evidence}),
    )
