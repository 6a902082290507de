"""When to ask for a result: state in, a decision out (DESIGN §4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.evidence import EvidenceStatus, Modality
from schemas.picture import Picture, View, Window, read_once, view
from schemas.request import Cause, Change, Status, request_id
from streams.state import Asked, PatientState


@dataclass(frozen=True)
class Policy:
    """The rules of one installation, with the network they serve."""

    model: str
    window: Window
    min_modalities: int
    required: frozenset[Modality]
    deadline: timedelta
    settle: timedelta
    min_interval: timedelta
    cap: int


@dataclass(frozen=True)
class Settled:
    """Everything that is known has been said."""


@dataclass(frozen=True)
class Wait:
    """Decide again at `until`, whether or not something arrives before."""

    until: datetime


@dataclass(frozen=True)
class Ask:
    """Ask for a result of this status."""

    status: Status
    cause: Cause


@dataclass(frozen=True)
class Withdraw:
    """Nothing is left of what a result was based on: take it back."""

    cause: Cause


Decision = Settled | Wait | Ask | Withdraw


def decide(state: PatientState, policy: Policy, now: datetime) -> Decision:
    """Ask at quorum, at the deadline, or when what was said no longer is what is known."""
    header, asked = state.header, state.header.asked
    if header.first_evidence is None or header.last_evidence is None or not (asked or state.picture):
        return Settled()
    seen = view(state.picture, policy.window)
    if asked and asked.id == request_id(state.patient, seen, policy.model, truncated=header.truncated):
        return Settled()
    quorum = policy.required <= seen.present and len(seen.present) >= policy.min_modalities
    due = header.first_evidence + policy.deadline
    ready = _ready(header.last_evidence, asked, policy)
    if asked is None:
        ready = min(ready, due) if quorum else due
    if now < ready:
        return Wait(until=ready)
    cause = _cause(state, seen, policy.model, quorum=quorum)
    if asked and not seen.present:
        return Withdraw(cause)
    return Ask(_status(asked, quorum=quorum), cause)


def change(seen: View, asked: Asked | None) -> Change:
    """What the evidence gained and lost since the last request."""
    before = asked.hashes if asked else {}
    after = hashes(seen)
    return Change(
        added=tuple(sorted(after.keys() - before.keys())),
        replaced=tuple(sorted(key for key in after.keys() & before.keys() if after[key] != before[key])),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


def hashes(seen: View) -> dict[str, str]:
    """`modality|source` -> hash of the evidence that counts."""
    return {f"{piece.modality.value}|{piece.source}": piece.hash for piece in seen.evidence}


def _ready(last_evidence: datetime, asked: Asked | None, policy: Policy) -> datetime:
    settled = last_evidence + policy.settle
    return max(settled, asked.at + policy.min_interval) if asked else settled


def _status(asked: Asked | None, *, quorum: bool) -> Status:
    if asked and asked.ever_final:
        return Status.AMENDED
    return Status.FINAL if quorum else Status.PRELIMINARY


def _cause(state: PatientState, seen: View, model: str, *, quorum: bool) -> Cause:
    asked = state.header.asked
    if asked is None:
        return Cause.QUORUM if quorum else Cause.DEADLINE
    changed = change(seen, asked)
    if any(_taken_back(state.picture, removed) for removed in changed.removed):
        return Cause.WITHDRAWAL
    if changed.replaced:
        return Cause.CORRECTION
    if changed.added:
        return Cause.QUORUM if quorum and not asked.ever_final else Cause.NEW_EVIDENCE
    return Cause.MODEL_CHANGE if asked.model != model else Cause.NEW_EVIDENCE


def _taken_back(picture: Picture, name: str) -> bool:
    """Whether `modality|source` was withdrawn or erased; what merely is older, or unread, left by itself."""
    modality, _, source = name.partition("|")
    piece = read_once(picture).get((Modality(modality), source))
    return piece is None or piece.status is EvidenceStatus.WITHDRAWN
