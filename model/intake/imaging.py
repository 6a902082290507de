"""Imaging events to evidence: each series read once, when it arrives, into the partial embedding that travels."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.intake.imaging_event import UnreadEvent, VersionedEvent, parse_imaging
from model.intake.imaging_files import ImagingRules, bags_of, is_bag, tiles_of
from schemas.errors import Reason, Refused
from schemas.events import ImagingEvent
from schemas.evidence import Evidence, EvidenceStatus, Modality, Vector, evidence
from schemas.files import Files
from schemas.known_time import is_later, passed, sent_at
from schemas.message import Message, Reading
from schemas.versions import without_time

T = TypeVar("T")


class TileEncoder(Protocol):
    """What turns pictures, or features of pictures, into a vector: one pass, in the memory of one batch."""

    tile_pixels: int
    """S: how wide and high a tile is."""

    def encode_tiles(self, tiles: Iterable[NDArray[np.float32]]) -> Vector:
        """Encode at least one (3, S, S) tile in [0, 1]."""

    def encode_bag(self, chunks: Iterable[NDArray[np.float32]], space: str) -> Vector:
        """Encode (n, D) chunks of features of a space; raise Refused (unknown-features) where it is not known."""


@dataclass(frozen=True)
class _Work:
    """What reading a series takes."""

    files: Files
    encoder: TileEncoder
    rules: ImagingRules


def read_imaging(message: Message, files: Files, encoder: TileEncoder, rules: ImagingRules) -> Reading:
    """Turn one imaging message into evidence, a piece a series.

    Raises Refused, with `unreadable` evidence for each series of which that much is known, and what the other series
    of the message gave. Unavailable passes through.
    """
    work = _Work(files, encoder, rules)
    pieces: list[Evidence] = []
    refusals: list[Refused] = []
    for said in parse_imaging(message):
        if isinstance(said, Refused):
            refusals.append(said)
            continue
        try:
            pieces.append(_read_series(message, said, work))
        except Refused as refused:
            refusals.append(refused)
            pieces.append(_unread(message, said))
    if refusals:
        raise Refused(refusals[0].reason, refusals[0].detail, evidence=tuple(pieces)) from refusals[0]
    return Reading(tuple(pieces))


def _read_series(message: Message, versioned: VersionedEvent, work: _Work) -> Evidence:
    if isinstance(versioned, UnreadEvent):
        raise versioned.refused
    if versioned.event.status == "entered-in-error":
        return _piece(message, versioned, EvidenceStatus.WITHDRAWN)
    passed(versioned.event.occurred_at, sent_at(message))
    vectors = tuple(_vectors(versioned.event, work))
    if not vectors:
        raise Refused(Reason.NOTHING_TO_READ, "the series has no files; send it again when it has some")
    return _piece(message, versioned, EvidenceStatus.CURRENT, vectors)


def _vectors(event: ImagingEvent, work: _Work) -> Iterator[Vector]:
    """One vector of all pictures, and one of each feature space, in the order of its name."""
    if not all(is_bag(file) for file in event.files):
        with closing(tiles_of(event, work.files, work.encoder.tile_pixels, work.rules)) as tiles:
            yield work.encoder.encode_tiles(_at_least_one(tiles))
    for space, bag in bags_of(event, work.files, work.rules):
        with closing(bag) as chunks:
            yield work.encoder.encode_bag(_at_least_one(chunks), space)


def _at_least_one(items: Iterator[T]) -> Iterator[T]:
    for first in items:
        return chain([first], items)
    raise Refused(
        Reason.NOTHING_TO_READ, "the series shows nothing but background, or is empty; check what was scanned"
    )


def _unread(message: Message, versioned: VersionedEvent) -> Evidence:
    """That a series was not read; one whose time cannot have been arrived at some time, and a right one must win."""
    if is_later(versioned.event.occurred_at, sent_at(message)):
        event = versioned.event.model_copy(update={"occurred_at": message.timestamp})
        versioned = replace(versioned, event=event, version=without_time(versioned.version))
    return _piece(message, versioned, EvidenceStatus.UNREADABLE)


def _piece(
    message: Message, versioned: VersionedEvent, status: EvidenceStatus, vectors: tuple[Vector, ...] = ()
) -> Evidence:
    return evidence(
        patient=versioned.event.patient,
        modality=Modality.IMAGING,
        source=versioned.source,
        version=versioned.version,
        occurred_at=versioned.event.occurred_at,
        origin=message.origin,
        status=status,
        flags=() if isinstance(versioned, UnreadEvent) else (f"kind-{versioned.event.kind}",),
        vectors=vectors,
    )
