"""A FHIR MolecularSequence (R4, R5) with its sequence in it; files elsewhere come by sequencing event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from schemas.errors import Reason, Refused
from schemas.fhir_addresses import literal_patient
from schemas.record import Instant
from schemas.versions import version_of

_INSTANT = TypeAdapter(Instant)


@dataclass(frozen=True)
class InlineSequence:
    """What the resource says, with its text not yet looked at."""

    patient: str
    source: str
    version: str
    occurred_at: datetime
    is_protein: bool
    text: str
    """`""` where the resource holds no sequence."""


def parse_molecular_sequence(resource: dict[str, Any]) -> InlineSequence:
    """Read id, patient, time and text; Refused where one of the first three is not there."""
    identity, meta = resource.get("id"), _object(resource.get("meta"))
    if not isinstance(identity, str) or not identity:
        raise Refused(Reason.NOT_FHIR, "a MolecularSequence without an id; give it the id it can be corrected by")
    moment = _moment(meta.get("lastUpdated"))
    version_id, text = meta.get("versionId"), resource.get("observedSeq", resource.get("literal"))
    return InlineSequence(
        patient=_patient(resource),
        source=f"MolecularSequence/{identity}",
        version=version_of(version_id if isinstance(version_id, str) else None, moment, moment),
        occurred_at=moment,
        is_protein=resource.get("type") == "aa",
        text=text if isinstance(text, str) else "",
    )


def _patient(resource: dict[str, Any]) -> str:
    """The patient of `patient` (R4) or `subject` (R5), by a literal reference."""
    named = set[str]()
    for element in ("patient", "subject"):
        reference = _object(resource.get(element)).get("reference")
        patient = literal_patient(reference) if isinstance(reference, str) else None
        if patient is not None:
            named.add(patient)
    if not named:
        raise Refused(Reason.NO_PATIENT, "a MolecularSequence without a reference Patient/<id>; add patient or subject")
    if len(named) > 1:
        raise Refused(Reason.TWO_PATIENTS, "a MolecularSequence whose patient and subject differ; send one of each")
    return named.pop()


def _moment(text: Any) -> datetime:
    try:
        return _INSTANT.validate_python(text)
    except ValidationError as error:
        raise Refused(Reason.NO_TIME, "a MolecularSequence without meta.lastUpdated; add it with its offset") from error


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
