"""FHIR resources and messages as the tests of the intake send them, and what is read of them."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from schemas.errors import Refused
from schemas.evidence import Evidence
from schemas.message import Message

ARRIVED = datetime(2026, 6, 1, tzinfo=UTC)
NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
RULES = ClinicalRules(patient_system="urn:mrn")
LOINC = "http://loinc.org"


def coded(code: str, system: str = LOINC, **more: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **more}]}


def quantity(value: float, unit: str, **more: Any) -> dict[str, Any]:
    return {"value": value, "system": "http://unitsofmeasure.org", "code": unit, **more}


OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": coded("718-7"),
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-01-01T10:00:00+01:00",
}
MRN = {"system": "urn:mrn", "value": "7"}
MEDICATION = {
    "resourceType": "MedicationAdministration",
    "id": "m1",
    "status": "completed",
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-01-01T09:00:00Z",
}
DRUG = {"resourceType": "Medication", "id": "d", "code": {"coding": [{"system": "urn:x", "code": "1"}]}}
PROCEDURE = {
    **{"resourceType": "Procedure", "id": "r1", "code": {"coding": [{"system": "urn:x", "code": "1"}]}},
    **{"bodySite": [{"coding": [{"system": "urn:x", "code": "2"}]}], "subject": {"reference": "Patient/p1"}},
    **{"status": "completed", "performedDateTime": "2026-01-01T09:00:00Z"},
}
CONDITION = {
    **{"resourceType": "Condition", "id": "c", "recordedDate": "2026-01-01T09:00:00Z"},
    "subject": {"reference": "Patient/p1"},
}
PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1950-05", "gender": "female"}


def without(content: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in names}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"fullUrl": f"urn:uuid:{number}", "resource": one} for number, one in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def message(content: Any, key: bytes | None = None) -> Message:
    value = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Message("fhir.observations", 0, 7, key, value, timestamp=ARRIVED)


def read_one(content: dict[str, Any]) -> Evidence:
    (one,) = read_observation(message(content), RULES).evidence
    return one


def refusal(content: Any, rules: ClinicalRules = RULES, key: bytes | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        read_observation(message(content, key), rules)
    return refused.value


VARIANT_PARTS = [
    {"code": coded("48018-6"), "valueCodeableConcept": coded("HGNC:1097", "urn:hgnc", display="BRAF")},
    {"code": coded("48004-6"), "valueCodeableConcept": coded("NM_004333.6:c.1799T>A", "urn:hgvs", display="V600E")},
    {"code": coded("81258-6"), "valueQuantity": quantity(25, "%")},
    {"code": coded("82121-5"), "valueQuantity": quantity(400, "1")},
]
NOTE = {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(b"Margins clear.").decode()}
DOCUMENT = {
    **{"resourceType": "DocumentReference", "id": "d", "status": "current", "date": "2026-01-01T09:00:00Z"},
    **{"subject": {"reference": "Patient/p1"}, "content": [{"attachment": NOTE}]},
}
