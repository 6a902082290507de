"""A sequencing event, or a FHIR MolecularSequence, as one piece of genomic evidence."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from pydantic import ValidationError

from model.intake.genomic_files import GenomicRules, read_files
from model.intake.molecular_sequence import InlineSequence, parse_molecular_sequence
from model.intake.wrong_event import identified, not_an_event
from model.readers.gene_values import GeneValue
from model.readers.sequence import sequences_in
from schemas.bundle import refuse_modified
from schemas.errors import Reason, Refused
from schemas.events import SequencingEvent
from schemas.evidence import Evidence, EvidenceStatus, Modality, Vector, evidence
from schemas.files import Files
from schemas.known_time import is_later, passed, sent_at
from schemas.message import Message, Reading
from schemas.strict_json import strict_json
from schemas.tokens import VariantToken
from schemas.versions import version_of, without_time, without_update

_IDENTITY = frozenset({"patient", "occurred_at", "status", "specimen", "assay"})
"""Fields that say which source of whom an event speaks of, and in which version."""


class GenomicEncoder(Protocol):
    """What turns heavy molecular content into vectors when it arrives."""

    def encode_sequences(self, chunks: Iterable[str]) -> Vector:
        """Pieces of sequence (A, C, G, T, N) to one vector."""

    def encode_genes(self, values: Iterable[GeneValue]) -> Vector:
        """Gene values, each gene and kind at most once, to one vector."""


@dataclass(frozen=True)
class _Content:
    """What a source holds."""

    tokens: tuple[VariantToken, ...]
    vectors: tuple[Vector, ...]
    flags: tuple[str, ...]


def read_sequencing(message: Message, files: Files, encoder: GenomicEncoder, rules: GenomicRules) -> Reading:
    """Turn one message into one piece of evidence.

    Raises Refused, with an `unreadable` piece where the source is known, or Unavailable (from `files`).
    """
    value, sent = _parse(message), sent_at(message)
    if value.get("resourceType") == "MolecularSequence":
        resource = parse_molecular_sequence(value)
        piece = partial(
            evidence,
            patient=resource.patient,
            modality=Modality.GENOMIC,
            source=resource.source,
            version=resource.version,
            occurred_at=resource.occurred_at,
            origin=message.origin,
        )
        if is_later(resource.occurred_at, sent):  # as below; its time is its version too, where that is no number
            piece = partial(piece, occurred_at=message.timestamp, version=without_update(resource.version))
        return _reading(piece, lambda: _of_resource(value, resource, encoder, rules, sent))
    event = _event(value, message)
    piece = _piece_of(event, message)
    if event.status == "entered-in-error":
        return Reading((piece(status=EvidenceStatus.WITHDRAWN),))
    return _reading(piece, lambda: _of_event(event, files, encoder, rules, sent))


def _piece_of(event: SequencingEvent, message: Message) -> partial[Evidence]:
    """What is said of the source. If its time cannot have been, it arrived at some time, and a right one must win."""
    at, version = event.occurred_at, event_version(event)
    if event.status != "entered-in-error" and is_later(at, sent_at(message)):
        at, version = message.timestamp, without_time(version)
    return partial(
        evidence,
        patient=event.patient,
        modality=Modality.GENOMIC,
        source=f"specimen:{event.specimen}:{event.assay}",
        version=version,
        occurred_at=at,
        origin=message.origin,
    )


def event_version(event: SequencingEvent) -> str:
    """The event's time; a correction or a withdrawal of the same time is greater than what it corrects."""
    time = version_of(None, None, event.occurred_at)
    return time if event.status == "available" else f"{time}+1"


def _reading(piece: Callable[..., Evidence], read: Callable[[], _Content]) -> Reading:
    try:
        content = read()
    except Refused as refusal:
        unread = piece(status=EvidenceStatus.UNREADABLE)
        raise Refused(refusal.reason, refusal.detail, evidence=(unread,)) from refusal
    return Reading((piece(tokens=content.tokens, vectors=content.vectors, flags=content.flags),))


def _of_event(
    event: SequencingEvent, files: Files, encoder: GenomicEncoder, rules: GenomicRules, sent: datetime | None
) -> _Content:
    passed(event.occurred_at, sent)
    if not event.files:
        raise Refused(Reason.NOTHING_TO_READ, "an event without files; send it again with them")
    found = read_files(event, files, rules)
    vectors = []
    if found.chunks:
        vectors.append(encoder.encode_sequences(found.chunks))
    if found.genes:
        vectors.append(encoder.encode_genes(found.genes))
    return _Content(found.tokens, tuple(vectors), found.flags)


def _of_resource(
    value: dict[str, Any], resource: InlineSequence, encoder: GenomicEncoder, rules: GenomicRules, sent: datetime | None
) -> _Content:
    refuse_modified(value)
    passed(resource.occurred_at, sent)
    if resource.is_protein:
        raise Refused(Reason.UNSUPPORTED, "a sequence of amino acids; send the nucleotides, or protein gene values")
    if not resource.text:
        raise Refused(Reason.NOTHING_TO_READ, "no observedSeq or literal; send files elsewhere by sequencing event")
    found = sequences_in(resource.text, max_bases=rules.max_bases, chunk_bases=rules.chunk_bases)
    return _Content((), (encoder.encode_sequences(found.chunks),), ("truncated",) if found.truncated else ())


def _parse(message: Message) -> dict[str, Any]:
    try:
        value = strict_json(message.value or b"")
    except ValueError as error:
        raise Refused(Reason.NOT_JSON, f"the value is {error}; send a sequencing event") from error
    if not isinstance(value, dict):
        raise Refused(Reason.NOT_AN_EVENT, "JSON, but no object; send a sequencing event")
    if value.get("resourceType", "MolecularSequence") != "MolecularSequence":
        raise Refused(Reason.NOT_AN_EVENT, "a FHIR resource of another type; send it to the topic of observations")
    return value


def _event(value: dict[str, Any], message: Message) -> SequencingEvent:
    try:
        return SequencingEvent.model_validate(value)
    except ValidationError as wrong:  # its own message quotes what it refused
        known = identified(SequencingEvent, value, _IDENTITY, id="unread")
        unread = tuple(_piece_of(event, message)(status=EvidenceStatus.UNREADABLE) for event in known)
        raise not_an_event(wrong, "a sequencing event", "SequencingEvent", evidence=unread) from None
