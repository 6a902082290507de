"""What assembly remembers of one patient."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.evidence import Evidence
from schemas.picture import SourceKey
from schemas.record import Instant, Record
from schemas.request import Request, Status


class Asked(Record):
    """The last request for a patient."""

    id: str
    model: str
    revision: int
    status: Status
    ever_final: bool
    at: Instant
    """When it was asked, by the clock of assembly."""
    hashes: dict[str, str]
    """`modality|source` -> hash of the evidence it was asked with."""


class Header(Record):
    """What is kept of a patient beside the evidence itself."""

    version: int = 0
    """Counts the stores; the script stores only over the version that was read."""
    truncated: bool = False
    first_evidence: Instant | None = None
    """Arrival of the first evidence, by Kafka's timestamps."""
    last_evidence: Instant | None = None
    """Arrival of the last evidence that changed the picture."""
    asked: Asked | None = None
    trace: tuple[tuple[str, str], ...] = ()
    """Trace and received headers of the last evidence that changed the picture."""


@dataclass(frozen=True)
class PatientState:
    """A patient as of one moment: the picture, and what was asked."""

    patient: str
    header: Header = field(default_factory=Header)
    picture: Mapping[SourceKey, Evidence] = field(default_factory=dict)


def touched(header: Header, moment: datetime, now: datetime) -> Header:
    """The header after evidence that arrived at `moment` changed the picture.

    That is the clock of whoever wrote it: one that was ahead must not keep the patient waiting until it is right.
    """
    moment = min(moment, now)
    first = min(header.first_evidence or moment, moment)
    last = max(header.last_evidence or moment, moment)
    return header.model_copy(update={"first_evidence": first, "last_evidence": last})


def righted(header: Header, now: datetime) -> Header:
    """The header without times that are still to come: a clock that was ahead gave them, and they count as now.

    It is written down, once: what counted as now at each decision anew would be waited for until the false time.
    """
    asked = header.asked
    if asked is not None and asked.at > now:
        header = header.model_copy(update={"asked": asked.model_copy(update={"at": now})})
    if header.last_evidence is None or header.last_evidence <= now:
        return header
    first = min(header.first_evidence or now, now)
    return header.model_copy(update={"first_evidence": first, "last_evidence": now})


def asked_of(request: Request, at: datetime, before: Asked | None) -> Asked:
    """What assembly remembers of a request that it makes, or finds in Kafka."""
    final = request.history.status in (Status.FINAL, Status.AMENDED)
    return Asked(
        id=request.id,
        model=request.model,
        revision=request.history.revision,
        status=request.history.status,
        ever_final=final or bool(before and before.ever_final),
        at=at,
        hashes={f"{piece.modality.value}|{piece.source}": piece.hash for piece in request.evidence},
    )
