"""A patient's picture: the newest version of every source, merged so that order cannot matter (DESIGN §3.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from schemas.evidence import TIMELESS, Evidence, EvidenceStatus, Modality

SourceKey = tuple[Modality, str]
"""(modality, source)."""

Picture = Mapping[SourceKey, Evidence]


class Absence(StrEnum):
    """Why a modality is missing."""

    NEVER_SEEN = "never-seen"
    STALE = "stale"
    WITHDRAWN = "withdrawn"
    UNREADABLE = "unreadable"
    ENCODER_CHANGED = "encoder-changed"


@dataclass(frozen=True)
class Window:
    """What of a picture counts: how old, how many, and behind which encoders."""

    shelf_life: Mapping[Modality, timedelta]
    """Measured against the patient's newest evidence, never against the wall clock."""
    newest: Mapping[Modality, int]
    """The newest K of each modality by (occurred_at, source) enter a request."""
    encoders: Mapping[str, str]
    """Encoder id -> SHA-256 of the weights the network was trained behind."""


@dataclass(frozen=True)
class View:
    """A picture as a network may see it: the evidence that counts, and why the rest of the modalities is missing."""

    evidence: tuple[Evidence, ...]
    missing: Mapping[Modality, Absence]
    unreadable: tuple[str, ...] = ()
    """`modality|source` of what is there and could not be read."""

    @property
    def present(self) -> frozenset[Modality]:
        """The modalities with at least one piece of evidence that counts."""
        return frozenset(piece.modality for piece in self.evidence)


def merge(left: Evidence, right: Evidence) -> Evidence:
    """The winning version of one source: associative, commutative, idempotent."""
    return left if left.rank >= right.rank else right


def merge_all(picture: Picture, pieces: Iterable[Evidence]) -> dict[SourceKey, Evidence]:
    """The picture after any number of pieces, in whatever order they came."""
    merged = dict(picture)
    for piece in pieces:
        key = (piece.modality, piece.source)
        merged[key] = merge(merged[key], piece) if key in merged else piece
    return merged


def bounded(picture: Picture, most: int) -> dict[SourceKey, Evidence]:
    """At most `most` sources, the newest by (occurred_at, source)."""
    if len(picture) <= most:
        return dict(picture)
    newest = sorted(picture.values(), key=_age, reverse=True)[:most]
    return {(piece.modality, piece.source): piece for piece in newest}


def view(picture: Picture, window: Window) -> View:
    """What counts of a picture, oldest first, and why each absent modality is absent."""
    picture = read_once(picture)
    reference = newest_time(picture)
    chosen: list[Evidence] = []
    missing: dict[Modality, Absence] = {}
    for modality in Modality:
        pieces = sorted((p for p in picture.values() if p.modality is modality), key=_age)
        absences = [absence_of(piece, window, reference or piece.occurred_at) for piece in pieces]
        counting = [piece for piece, absence in zip(pieces, absences, strict=True) if absence is None]
        chosen.extend(counting[-window.newest[modality] :])
        if not counting:
            missing[modality] = _strongest(absences)
    unreadable = sorted(f"{m.value}|{s}" for (m, s), p in picture.items() if p.status is EvidenceStatus.UNREADABLE)
    return View(evidence=tuple(chosen), missing=missing, unreadable=tuple(unreadable))


def read_once(picture: Picture) -> Picture:
    """The picture in which an Observation counts as what its newest version says that it is.

    It is clinical or genomic by its code. Where a version has another code (a withdrawal's may be blank), the piece of
    the older version is taken back, or unreadable if the newer one is.
    """
    moved = {}
    for (modality, source), piece in picture.items():
        other = picture.get((Modality.CLINICAL, source)) if modality is Modality.GENOMIC else None
        if other is not None and source.startswith(_OF_EITHER):
            older, newer = sorted((piece, other), key=lambda one: one.rank)
            unread = newer.status is EvidenceStatus.UNREADABLE
            status = EvidenceStatus.UNREADABLE if unread else EvidenceStatus.WITHDRAWN
            moved[older.modality, source] = older.model_copy(update={"status": status})
    return {**picture, **moved} if moved else picture


_OF_EITHER = "Observation/"
"""The sources that may be of two modalities."""


def newest_time(picture: Picture) -> datetime | None:
    """Event time of the newest evidence that is current; None where there is none that has a time."""
    current = (piece for piece in picture.values() if piece.status is EvidenceStatus.CURRENT)
    return max((piece.occurred_at for piece in current if TIMELESS not in piece.flags), default=None)


def absence_of(piece: Evidence, window: Window, newest: datetime) -> Absence | None:
    """Why this piece does not count, or None where it does."""
    if piece.status is EvidenceStatus.WITHDRAWN:
        return Absence.WITHDRAWN
    if piece.status is EvidenceStatus.UNREADABLE:
        return Absence.UNREADABLE
    if TIMELESS not in piece.flags and newest - piece.occurred_at > window.shelf_life[piece.modality]:
        return Absence.STALE
    known = [window.encoders.get(vector.encoder) == vector.weights for vector in piece.vectors]
    if piece.vectors and not piece.tokens and not any(known):
        return Absence.ENCODER_CHANGED
    return None


_TOLD_FIRST = (Absence.ENCODER_CHANGED, Absence.UNREADABLE, Absence.STALE, Absence.WITHDRAWN)
"""Where several reasons hold, the one that somebody can do something about."""


def _strongest(absences: Iterable[Absence | None]) -> Absence:
    found = set(absences)
    return next((absence for absence in _TOLD_FIRST if absence in found), Absence.NEVER_SEEN)


def _age(piece: Evidence) -> tuple[bool, datetime, str, Modality]:
    return (TIMELESS in piece.flags, piece.occurred_at, piece.source, piece.modality)
