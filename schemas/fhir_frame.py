"""What every FHIR resource of a result shares: id, label, status, subject, time, and the words said everywhere."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from schemas.canonical import derived_id
from schemas.evidence import Modality
from schemas.request import Status
from schemas.result import Diagnosis, Result

Json = dict[str, Any]

DISCLAIMER = "Research software; not a medical device."
OURS = "https://oncostream.org/fhir"
"""Root of the code systems and identifier systems that are ours."""
UCUM = "http://unitsofmeasure.org"

AI_ASSERTED: Json = {"code": "AIAST", "display": "Artificial Intelligence asserted"}
"""The label of HL7's AI Transparency on FHIR, without its system (v3-ObservationValue): the terminology that R4, R4B
and R5 came with has the system and lacks the code, so that their validators refuse the two together."""

STATUS = {
    Status.PRELIMINARY: "preliminary",
    Status.FINAL: "final",
    Status.AMENDED: "amended",
    Status.WITHDRAWN: "entered-in-error",
}
"""The same codes in the required bindings of DiagnosticReport, Observation and RiskAssessment."""

_NEVER = datetime.fromtimestamp(0, UTC)
"""What results said until 2026-11-26 where they had no time."""
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_ADDRESS = re.compile(
    r"https?://[A-Za-z0-9\-.]+(:[0-9]{1,5})?(/[A-Za-z0-9\-._~]+)*/Patient/[A-Za-z0-9\-.]{1,64}", re.ASCII
)
"""A Patient on a server, as FHIR refers to one. It has no `|`, so it is no `system|value`."""
_URI = r"[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]*"
_OID = r"[0-2](\.(0|[1-9][0-9]*)){3,}"
_SYSTEM = re.compile(rf"https?://{_URI}|urn:oid:{_OID}|urn:(?!oid:|uuid:|ietf:){_URI}", re.ASCII)
"""An identifier system that validators accept with any value. It has no `|`: the first one of an id ends it."""
_NOT_TEXT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def withdrawn(result: Result) -> bool:
    """Whether this revision takes back what was said: nothing predicted may then be repeated."""
    return result.history.status is Status.WITHDRAWN


def ranked(diagnosis: Diagnosis) -> list[tuple[str, float]]:
    """Labels with their probabilities, the likeliest first; ties by name."""
    return sorted(diagnosis.probabilities.items(), key=lambda item: (-item[1], item[0]))


def resource(result: Result, kind: str, name: str) -> Json:
    """A resource of FHIR type `kind` with the patient's lasting id for `name`.

    A later revision has the same ids and a higher versionId, so that on a server it replaces what it supersedes.
    """
    tags = [] if withdrawn(result) else [*map(imputed_tag, result.imputed), *_abstained_tags(result)]
    meta = {"versionId": str(result.history.revision), "security": [AI_ASSERTED]} | ({"tag": tags} if tags else {})
    return {"resourceType": kind, "id": derived_id("fhir", result.patient, name), "meta": meta}


def imputed_tag(modality: Modality) -> Json:
    """The mark of a resource that rests on a modality that was imputed, not measured."""
    return {
        "system": f"{OURS}/CodeSystem/imputed",
        "code": modality.value,
        "display": f"Imputed, not measured: {modality.value}",
    }


def _abstained_tags(result: Result) -> list[Json]:
    """The mark of every resource of a result that abstains: what it holds is not offered as it stands."""
    why = result.abstained
    return [{"system": f"{OURS}/CodeSystem/abstained", "code": why, "display": f"Abstained: {why}"}] if why else []


def subject(result: Result) -> Json:
    """`Patient/<id>` or the address where the id is one that FHIR allows, else a reference by identifier.

    An id in the form of an identifier that was read, `system|value`, is written as the two, any other as one value.
    """
    if _FHIR_ID.fullmatch(result.patient):
        return {"reference": f"Patient/{result.patient}"}
    if _ADDRESS.fullmatch(result.patient):
        return {"reference": result.patient}
    named, _, value = result.patient.partition("|")
    if value and readable(value) == value and _SYSTEM.fullmatch(named) and not named.startswith(OURS):
        return {"type": "Patient", "identifier": {"system": named, "value": value}}
    if readable(result.patient) == result.patient:
        return {"type": "Patient", "identifier": {"value": result.patient}}
    system = f"{OURS}/NamingSystem/patient-percent-encoded"  # a replaced character could make two patients one
    return {"type": "Patient", "identifier": {"system": system, "value": quote(result.patient, safe="")}}


def when(result: Result, *names: str) -> Json:
    """The event time of the result under each name, as a FHIR instant; nothing where it has none. No clock is read."""
    at = moment(result)
    return dict.fromkeys(names, at) if at else {}


def moment(result: Result) -> str:
    """The event time of the result as a FHIR instant; empty where it has none."""
    at = result.asked_at
    return "" if at is None or at == _NEVER else instant(at)


def instant(at: datetime) -> str:
    """A moment as FHIR writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def urn(entry: Json) -> str:
    """The fullUrl of a resource, by which the others of the Bundle refer to it."""
    return f"urn:uuid:{entry['id']}"


def percent(probability: float) -> float:
    """A probability, 0 to 1, as FHIR wants it: 0 to 100."""
    return round(100 * probability, 4)


def percentage(probability: float) -> Json:
    """A probability, 0 to 1, as a FHIR Quantity in percent."""
    return {"value": percent(probability), "unit": "%", "system": UCUM, "code": "%"}


def code(system: str, value: str, text: str) -> Json:
    """A CodeableConcept in one of our code systems."""
    return {"coding": [{"system": f"{OURS}/CodeSystem/{system}", "code": value}], "text": text}


def readable(text: str) -> str:
    """Text with every character that XML and FHIR strings forbid replaced, and no blank ends."""
    return _NOT_TEXT.sub("\ufffd", text).strip()


def method(result: Result) -> Json:
    """Which network computed this, and how its quantum part was run, as a CodeableConcept."""
    ran = result.provenance
    fallbacks = f"; fell back: {', '.join(ran.fallbacks)}" if ran.fallbacks else ""
    return {"text": readable(f"{ran.model}; fusion on {ran.quantum_backend} ({ran.quantum_reason}){fallbacks}")}
