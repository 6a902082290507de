"""A request: all the evidence that a result depends on, in one message (DESIGN §3.4)."""

from enum import StrEnum

from schemas.canonical import derived_id
from schemas.evidence import Evidence, Modality
from schemas.picture import Absence, View
from schemas.record import Instant, Record


class Cause(StrEnum):
    """Why a result was asked for. A label: nothing is computed from it."""

    QUORUM = "quorum"
    DEADLINE = "deadline"
    NEW_EVIDENCE = "new-evidence"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"
    MODEL_CHANGE = "model-change"


class Status(StrEnum):
    """How firm a result is."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"


class Change(Record):
    """What the evidence gained and lost since the revision before, as `modality|source`."""

    added: tuple[str, ...] = ()
    """Sources that count now and did not."""
    replaced: tuple[str, ...] = ()
    """Sources that count in another version."""
    removed: tuple[str, ...] = ()
    """Sources that counted and do not now."""


class History(Record):
    """How a result came to be said: depends on the order of arrival, so no content hash covers it."""

    revision: int
    """From 1 on for each patient; of a patient's records the greatest counts, not the last one in the topic."""
    status: Status
    """`final` at quorum, else `preliminary`; `amended` after a first final; `withdrawn` where nothing is left."""
    cause: Cause
    """Why it was asked for."""
    supersedes: str | None = None
    """Id of the revision before."""
    changed: Change = Change()
    """What the evidence gained and lost since the revision before."""


class Request(Record):
    """Ask the network about one patient. Seeds derive from the id."""

    id: str
    """UUIDv5 of all that a result depends on."""
    patient: str
    """Id, as in the events."""
    model: str
    """Id of the network that is asked: `name@hash`."""
    evidence: tuple[Evidence, ...]
    """Oldest first within each modality."""
    missing: dict[Modality, Absence]
    """Modalities without evidence that counts, and why."""
    unreadable: tuple[str, ...] = ()
    """`modality|source` of what is there and could not be read: for a person to review."""
    truncated: bool = False
    """The patient has more sources than the cap; the oldest are left out."""
    history: History
    """How it came to be asked."""
    asked_at: Instant | None
    """Time of the newest evidence: event time, never the wall clock. None where no evidence that counts has one."""


def request_id(patient: str, seen: View, model: str, *, truncated: bool) -> str:
    """UUIDv5 of all that a result depends on: patient, evidence hashes, what is missing and why, model id."""
    hashes = sorted(piece.hash for piece in seen.evidence)
    absences = sorted(f"{modality.value}:{absence.value}" for modality, absence in seen.missing.items())
    return derived_id(patient, *hashes, *absences, *seen.unreadable, str(truncated), model)
