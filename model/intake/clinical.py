"""FHIR in: one message of `fhir.observations` to evidence (DESIGN §3.1, §3.2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from model.intake.clinical_records import NO_TIME, ripened, say
from model.intake.documents import NoteEncoder
from model.intake.genomic_observation import GENOMIC_CODES
from schemas.bundle import Entries, entries_of, refuse_large, refuse_modified, source_of
from schemas.canonical_units import LOINC
from schemas.code_systems import system_named
from schemas.errors import Reason, Refused
from schemas.evidence import TIMELESS, Evidence, EvidenceStatus, Modality, evidence
from schemas.fhir_parse import releases_of, validate
from schemas.fhir_patient import People, is_replaced
from schemas.fhir_time import known_at, stated_time, stated_version
from schemas.known_time import sent_at
from schemas.message import Message, Reading
from schemas.strict_json import load_object

READABLE: Final = frozenset(
    {
        *("Patient", "Observation", "Condition", "Procedure", "MedicationAdministration", "MedicationStatement"),
        "DocumentReference",
    }
)
"""The resource types that become evidence."""


@dataclass(frozen=True)
class ClinicalRules:
    """How one installation's FHIR is read."""

    fhir_version: str | None = None
    """The release where the message's `content-type` does not say: `4.0`, `4.3` or `5.0`; None tries R4B, then R5."""
    patient_system: str | None = None
    """The identifier system whose values are patient ids."""
    max_bytes: int = 16 * 1024 * 1024
    notes: NoteEncoder | None = None
    """What reads notes into vectors; None leaves their text in tokens."""


@dataclass(frozen=True)
class _Around:
    """What reading a resource takes besides itself."""

    entries: Entries
    releases: tuple[str, ...]
    notes: NoteEncoder | None


def read_observation(message: Message, rules: ClinicalRules) -> Reading:
    """Turn one FHIR message into evidence, a piece a resource; raise Refused if any of it cannot be read.

    What could be read beside a bad resource, and `unreadable` for the bad one, go with the refusal. A message of two
    patients gives nothing.
    """
    content = load_object(message.value, rules.max_bytes)
    releases = releases_of(message.header("content-type"), rules.fhir_version)
    entries = entries_of(content, releases, READABLE)
    people = People(rules.patient_system, entries.by_url)
    _refuse_replaced(content)
    _refuse_mixing(people.named_in(content))
    read, refusals = [], [*entries.refused]
    for entry in entries.readable:
        try:
            read.append(_evidence(message, entry, people, _Around(entries, releases, rules.notes)))
        except Refused as refused:
            refusals.append(refused)
            read.extend(_unreadable(message, entry, people))
    if refusals:
        raise _one_refusal(refusals, len(entries.readable) + len(entries.refused), tuple(read))
    return Reading(tuple(read), entries.skipped)


def _refuse_mixing(named: frozenset[str]) -> None:
    if len(named) > 1:
        raise Refused(
            Reason.TWO_PATIENTS, f"one message names {len(named)} patients, wanted one; send a Bundle for each"
        )


def _refuse_replaced(content: dict[str, Any]) -> None:
    if is_replaced(content):
        raise Refused(
            Reason.TWO_PATIENTS,
            "a Patient that another one has replaced (link.type replaced-by); send all of it with that one as subject",
        )


def _evidence(message: Message, entry: dict[str, Any], people: People, around: _Around) -> Evidence:
    patient = people.patient_of(entry)
    refuse_modified(entry)
    refuse_large(entry)
    said = say(validate(entry, around.releases), message, around.entries.medication, around.notes)
    return evidence(
        patient=patient,
        modality=said.modality,
        source=source_of(entry),
        version=said.version,
        occurred_at=said.at,
        origin=message.origin,
        status=said.status,
        flags=(*said.flags, TIMELESS) if said.at == NO_TIME else said.flags,
        tokens=said.tokens,
        vectors=said.vectors,
    )


def _unreadable(message: Message, entry: dict[str, Any], people: People) -> Iterator[Evidence]:
    """That something of this source is there and was not read, where its patient is known.

    Without a time of its own, or with one that cannot have been, it has arrived at some time, but its version is the
    least: the same resource sent again with its time, as the refusal asks, is of an earlier one and must win.
    """
    stated = stated_time(entry, known_at(entry, sent_at(message)))
    at = stated or message.timestamp
    for patient in people.named_in(entry):
        yield evidence(
            patient=patient,
            modality=_modality_of(entry),
            source=source_of(entry),
            version=ripened(stated_version(entry, stated or NO_TIME), str(entry.get("resourceType")), _stated(entry)),
            occurred_at=at,
            origin=message.origin,
            status=EvidenceStatus.UNREADABLE,
        )


def _stated(entry: dict[str, Any]) -> set[str]:
    """The statuses of a resource that may be malformed: a correction not read is newer than what it corrects."""
    return {one for one in (entry.get("status"), entry.get("docStatus")) if isinstance(one, str)}


def _modality_of(entry: dict[str, Any]) -> Modality:
    """The modality of an Observation that may be malformed."""
    code = entry.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        system, code = (coding.get("system"), coding.get("code")) if isinstance(coding, dict) else (None, None)
        if isinstance(system, str) and system_named(system) == LOINC and code in tuple(GENOMIC_CODES):
            return Modality.GENOMIC
    return Modality.CLINICAL


def _one_refusal(refusals: list[Refused], of: int, read: tuple[Evidence, ...]) -> Refused:
    first = refusals[0]
    told = first.detail if of == 1 else f"{len(refusals)} of {of} resources were refused, the first: {first.detail}"
    return Refused(first.reason, told, evidence=read)
