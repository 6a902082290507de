"""The few FHIR R4B resources that cohorts are written in, as JSON values with ids that the caller derives."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Resource = dict[str, Any]

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

PRESENT, ABSENT = "52101004", "2667000"
"""SNOMED CT qualifiers for a finding that was looked for."""

ANCHOR = datetime(2020, 1, 1, tzinfo=UTC)
"""The moment that stands for "at diagnosis" in public cohorts, which publish no dates. It is not a real date."""


def instant(moment: datetime) -> str:
    """RFC 3339 to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fhir_id(*parts: str) -> str:
    """A FHIR id of the parts: underscores, which FHIR does not allow, become dashes."""
    return "-".join(parts).replace("_", "-")


def patient(patient_id: str, gender: str) -> Resource:
    """A Patient; `gender` is `male`, `female`, `other` or `unknown`. No birth date: only an age is known."""
    return {"resourceType": "Patient", "id": patient_id, "gender": gender}


def quantity(value: float, unit: str) -> Resource:
    """A number with its UCUM unit."""
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}


def answer(system: str, code: str) -> Resource:
    """A coded value."""
    return {"valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}


def presence(present: bool) -> Resource:
    """The coded value of something looked for: present or absent."""
    return answer(SNOMED, PRESENT if present else ABSENT)


def absent(reason: str) -> Resource:
    """No value, and why: a code of HL7's data-absent-reason."""
    return {"dataAbsentReason": {"coding": [{"system": f"{_TERMINOLOGY}/data-absent-reason", "code": reason}]}}


def observation(
    resource_id: str, patient_id: str, code: tuple[str, str], value: Resource, at: datetime, status: str = "final"
) -> Resource:
    """An Observation; `code` is (system, code), `value` one of the forms above."""
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "status": status,
        "code": {"coding": [{"system": code[0], "code": code[1]}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": instant(at),
        **value,
    }


def condition(resource_id: str, patient_id: str, icd10: str, at: datetime) -> Resource:
    """A confirmed, active Condition under its ICD-10 code."""
    return {
        "resourceType": "Condition",
        "id": resource_id,
        "clinicalStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-ver-status", "code": "confirmed"}]},
        "code": {"coding": [{"system": ICD10, "code": icd10}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "recordedDate": instant(at),
    }


def versioned(resource: Resource, version: int) -> Resource:
    """The same resource with a `meta.versionId`."""
    return resource | {"meta": {"versionId": str(version)}}


def collection(root: str, bundle_id: str, resources: Iterable[Mapping[str, Any]], at: datetime) -> Resource:
    """A collection Bundle; fullUrls are `root`/type/id, so that references inside it resolve."""
    return {
        "resourceType": "Bundle",
        "id": bundle_id,
        "type": "collection",
        "timestamp": instant(at),
        "entry": [
            {"fullUrl": f"{root}/{resource['resourceType']}/{resource['id']}", "resource": dict(resource)}
            for resource in resources
        ],
    }
