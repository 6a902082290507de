"""What a validated FHIR resource of each type says: its tokens, its status, its time and its maturity."""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from model.intake.documents import NoteEncoder, read_document
from model.intake.genomic_observation import is_genomic, variant_tokens
from model.intake.observation import is_shortened, observation_tokens
from schemas.canonical_units import LOINC
from schemas.errors import Reason, Refused
from schemas.evidence import EvidenceStatus, Modality, Vector
from schemas.fhir_concepts import TEXT_CUT, code_of, codes_in, is_cut
from schemas.fhir_parse import Resource
from schemas.fhir_time import first_instant, known_at, time_of
from schemas.known_time import passed, sent_at
from schemas.message import Message
from schemas.tokens import ObservationToken, Token
from schemas.versions import version_of

Lookup = Callable[[str, Any], Any]
"""(reference, the resource that holds it) -> the CodeableConcept of the medication referred to, or None."""

_WITHDRAWN: Final = {
    "Observation": {"entered-in-error", "cancelled"},
    "Condition": {"entered-in-error", "refuted"},
    "Procedure": {"entered-in-error", "not-done"},
    "MedicationAdministration": {"entered-in-error", "not-done"},
    "MedicationStatement": {"entered-in-error", "not-taken", "not-taking"},
    "DocumentReference": {"entered-in-error", "superseded", "cancelled", "deprecated"},
}
_PLAIN: Final = {"final", "completed", "current", "active", "recorded", "taking", "taking-as-directed"}
"""Of these a token says nothing; every other status is a flag of it. What is withdrawn has no token."""
_PLANNED: Final = {"preparation"}
"""Not begun: the token has no answer (a site), so that whoever reads answers alone does not take it for done."""
_OVER: Final = {"final", "completed", "stopped"}
"""What follows the statuses before it where the sender gives no versions."""
_CORRECTED: Final = {"amended", "corrected", "appended"}
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ADHERENCE: Final = "http://hl7.org/fhir/CodeSystem/medication-statement-adherence"

NO_TIME: Final = datetime.fromtimestamp(0, UTC)
"""Stands where a resource has no time of its own, and is flagged so."""


@dataclass(frozen=True)
class Said:
    """What one resource says, before it is known whose it is."""

    modality: Modality
    status: EvidenceStatus
    at: datetime
    version: str
    tokens: tuple[Token, ...] = ()
    vectors: tuple[Vector, ...] = ()
    flags: tuple[str, ...] = ()


class _Words(NamedTuple):
    """A CodeableConcept of words alone: the name of a medication that is not in the message."""

    text: str
    coding: tuple[Any, ...] = ()


def say(resource: Resource, message: Message, lookup: Lookup, notes: NoteEncoder | None = None) -> Said:
    """Read one resource of a message, whose arrival is the time of a resource that has none and needs none.

    `notes` reads the texts of documents; without it they travel as tokens.
    """
    model, kind = resource.model, resource.kind
    withdrawn = _is_withdrawn(kind, _statuses(kind, model))
    known = known_at(resource.content, sent_at(message))
    at = _time_taken_back(kind, model, message.timestamp) if withdrawn else _time(kind, model, known)
    modality = Modality.GENOMIC if kind == "Observation" and is_genomic(model.code) else Modality.CLINICAL
    status = EvidenceStatus.WITHDRAWN if withdrawn else EvidenceStatus.CURRENT
    version = _version(kind, model, at)
    if withdrawn:
        return Said(modality, status, at, version)
    if kind == "DocumentReference":
        document = read_document(model, at, notes)
        return Said(modality, status, at, version, document.tokens, document.vectors, document.flags)
    if kind == "Patient":
        return Said(modality, status, at, version, tuple(_of_patient(model, at, known)))
    tokens, shortened = _tokens(kind, model, at, lookup)
    return Said(modality, status, at, version, tokens, flags=(TEXT_CUT,) if shortened else ())


def _statuses(kind: str, model: Any) -> set[str]:
    if kind == "Condition":
        return _codes(model.verificationStatus, _VERIFICATION)
    taken = getattr(model, "adherence", None)  # R5: where R4 has it in the status
    plain = {code for code in (getattr(model, "status", None), getattr(model, "docStatus", None)) if code}
    return plain | _codes(taken.code if taken else None, _ADHERENCE)


def _codes(concept: Any, own: str) -> set[str]:
    """The codes of a status, of FHIR's own system if any; one in words alone may say anything, so it is unknown."""
    if concept is None:
        return set()
    return set(codes_in(concept, own)) or {coding.code for coding in concept.coding or () if coding.code} or {"unknown"}


def _time(kind: str, model: Any, known: datetime | None) -> datetime:
    return NO_TIME if kind == "Patient" else time_of(kind, model, known)


def _time_taken_back(kind: str, model: Any, arrived: datetime) -> datetime:
    """What is taken back needs no time, and may have been taken back for its time."""
    updated = getattr(model.meta, "lastUpdated", None)
    try:
        return time_of(kind, model, None)
    except Refused:
        return arrived if updated is None else first_instant(updated)


def _version(kind: str, model: Any, at: datetime) -> str:
    updated = getattr(model.meta, "lastUpdated", None)
    version = version_of(
        getattr(model.meta, "versionId", None), None if updated is None else first_instant(updated), at
    )
    return ripened(version, kind, _statuses(kind, model))


def ripened(version: str, kind: str, statuses: Set[str]) -> str:
    """The version; where the sender gives none, what is over follows what was not, and a correction follows both."""
    if not version.startswith("t"):
        return version
    if _is_withdrawn(kind, statuses) or not _CORRECTED.isdisjoint(statuses):
        return f"{version}+1"
    return version if _OVER.isdisjoint(statuses) else f"{version}+0"


def _is_withdrawn(kind: str, statuses: Set[str]) -> bool:
    return not _WITHDRAWN.get(kind, set()).isdisjoint(statuses)


def _tokens(kind: str, model: Any, at: datetime, lookup: Lookup) -> tuple[tuple[Token, ...], bool]:
    """What it says, and whether a token holds only the beginning of its words; variants are held whole."""
    if kind == "Observation" and is_genomic(model.code):
        return variant_tokens(model, at), False
    if kind == "Observation":
        return observation_tokens(model, at), is_shortened(model)
    concept, answer = _concepts(kind, model, lookup)
    return (_of_act(kind, model, at, concept, answer),), is_cut(concept, answer)


def _of_act(kind: str, model: Any, at: datetime, concept: Any, answer: Any) -> ObservationToken:
    """A condition with its clinical status, a procedure with its body site, a medication."""
    code = code_of(concept)
    if not code:
        raise Refused(Reason.NOT_FHIR, f"{kind} without a code that can be read; send its coding in the resource")
    flags = tuple(sorted({kind.lower(), *_status_flags(kind, model)}))
    begun = _PLANNED.isdisjoint(_statuses(kind, model))
    return ObservationToken(code=code, answer=code_of(answer, _CLINICAL) if begun else "", at=at, flags=flags)


def _concepts(kind: str, model: Any, lookup: Lookup) -> tuple[Any, Any]:
    """What was done or is, and the answer that goes with it."""
    answer = {"Condition": "clinicalStatus", "Procedure": "bodySite"}.get(kind)
    said = getattr(model, answer) if answer else None
    first = next(iter(said), None) if isinstance(said, list) else said
    return model.code if answer else _medication(model, lookup), first


def _status_flags(kind: str, model: Any) -> Iterator[str]:
    """Whatever tells that this has not (yet) happened plainly: `status-in-progress`, `status-provisional`."""
    for status in _statuses(kind, model) - _PLAIN - {"confirmed"}:
        yield f"status-{status}"


def _medication(model: Any, lookup: Lookup) -> Any:
    both = getattr(model, "medication", None)  # R5: a CodeableReference
    concept = both.concept if both else getattr(model, "medicationCodeableConcept", None)
    reference = both.reference if both else getattr(model, "medicationReference", None)
    if concept is not None or reference is None:
        return concept
    found = lookup(reference.reference, model) if reference.reference else None
    return _Words(reference.display) if found is None and reference.display else found


def _of_patient(model: Any, at: datetime, known: datetime | None) -> Iterator[ObservationToken]:
    """The birth date as a fact at that time (so the time before the newest is the age), and the sex."""
    born = at if model.birthDate is None else passed(first_instant(model.birthDate), known)
    if model.birthDate is not None:
        yield ObservationToken(code=f"{LOINC}|21112-8", answer="born", at=born)
    if model.gender is not None:
        answer = f"http://hl7.org/fhir/administrative-gender|{model.gender}"
        yield ObservationToken(code=f"{LOINC}|46098-0", answer=answer, at=born)
