"""What a resource says at each status that a required binding of R4B or R5 has, and its systems' codes, as tables."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from schemas.errors import Reason, Refused
from schemas.evidence import Evidence, EvidenceStatus
from schemas.message import Message
from schemas.tokens import ObservationToken

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
ADHERENCE = "http://hl7.org/fhir/CodeSystem/medication-statement-adherence"
CODE = {"coding": [{"system": "urn:x", "code": "1"}]}
R4B, R5, BOTH = ("4.3",), ("5.0",), ("4.3", "5.0")


def content(kind: str, version: str, **fields: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "r", "subject": {"reference": "Patient/p"}} | SHAPES[kind][version] | fields


TIME = "2026-01-01T09:00:00Z"
ACTIVE = {"system": f"{TERMINOLOGY}/condition-clinical", "code": "active"}
GIVEN = {"medicationCodeableConcept": CODE, "effectiveDateTime": TIME}
SEEN = {"code": CODE, "valueString": "a", "effectiveDateTime": TIME}
ATTACHED = {"contentType": "text/plain", "data": "YQ=="}
NOTE = {"status": "current", "date": TIME, "type": CODE, "content": [{"attachment": ATTACHED}]}
SHAPES: dict[str, dict[str, dict[str, Any]]] = {
    "Observation": dict.fromkeys(BOTH, SEEN),
    "Condition": {
        "4.3": {"code": CODE, "recordedDate": TIME},
        "5.0": {"code": CODE, "recordedDate": TIME, "clinicalStatus": {"coding": [ACTIVE]}},
    },
    "Procedure": {
        "4.3": {"code": CODE, "performedDateTime": TIME},
        "5.0": {"code": CODE, "occurrenceDateTime": TIME},
    },
    "MedicationAdministration": {
        "4.3": GIVEN,
        "5.0": {"medication": {"concept": CODE}, "occurenceDateTime": TIME},
    },
    "MedicationStatement": {"4.3": GIVEN, "5.0": {"medication": {"concept": CODE}, "effectiveDateTime": TIME}},
    "DocumentReference": dict.fromkeys(BOTH, NOTE),
}


def read(resource: dict[str, Any], version: str) -> Evidence:
    value = json.dumps(resource).encode()
    message = Message("fhir.observations", 0, 0, None, value, timestamp=datetime(2026, 6, 1, tzinfo=UTC))
    (one,) = read_observation(message, ClinicalRules(fhir_version=version)).evidence
    return one


Outcome = tuple[str, ...] | None
PLAIN, TAKEN_BACK = (), None
"""Outcomes: no flag, or withdrawn; every other one is the flag."""
ACT: dict[str, Outcome] = {
    "not-done": TAKEN_BACK,
    "completed": PLAIN,
    "entered-in-error": TAKEN_BACK,
    **{one: (f"status-{one}",) for one in ("in-progress", "on-hold", "stopped", "unknown")},
}
STATUSES: list[tuple[str, str, tuple[str, ...], dict[str, Outcome]]] = [
    (
        *("Observation", "status", BOTH),
        {
            **dict.fromkeys(("registered", "preliminary", "final", "amended", "corrected"), PLAIN),
            **{"cancelled": TAKEN_BACK, "entered-in-error": TAKEN_BACK, "unknown": ("status-unknown",)},
        },
    ),
    ("Procedure", "status", BOTH, ACT | {"preparation": ("status-preparation",)}),
    ("MedicationAdministration", "status", BOTH, ACT),
    (
        *("MedicationStatement", "status", R4B),
        {
            **{"active": PLAIN, "completed": PLAIN, "entered-in-error": TAKEN_BACK, "not-taken": TAKEN_BACK},
            **{one: (f"status-{one}",) for one in ("intended", "stopped", "on-hold", "unknown")},
        },
    ),
    (
        *("MedicationStatement", "status", R5),
        {"recorded": PLAIN, "entered-in-error": TAKEN_BACK, "draft": ("status-draft",)},
    ),
    (
        *("DocumentReference", "status", BOTH),
        {"current": PLAIN, "superseded": TAKEN_BACK, "entered-in-error": TAKEN_BACK},
    ),
    (
        *("DocumentReference", "docStatus", R4B),
        {"preliminary": PLAIN, "final": PLAIN, "amended": PLAIN, "entered-in-error": TAKEN_BACK},
    ),
    (
        *("DocumentReference", "docStatus", R5),
        {
            **dict.fromkeys(("registered", "partial", "preliminary", "final"), PLAIN),
            **dict.fromkeys(("amended", "corrected", "appended"), PLAIN),
            **dict.fromkeys(("cancelled", "entered-in-error", "deprecated"), TAKEN_BACK),
            "unknown": ("status-unknown",),
        },
    ),
    (
        *("Condition", "verificationStatus", BOTH),
        {
            **{one: (f"status-{one}",) for one in ("unconfirmed", "provisional", "differential")},
            **{"confirmed": PLAIN, "refuted": TAKEN_BACK, "entered-in-error": TAKEN_BACK},
        },
    ),
    (
        *("Condition", "clinicalStatus", BOTH),
        dict.fromkeys(("active", "recurrence", "relapse", "inactive", "remission", "resolved"), PLAIN),
    ),
    ("Condition", "clinicalStatus", R5, {"unknown": PLAIN}),
]
EACH = [
    pytest.param(kind, field, version, status, outcome, id=f"{kind}-{field}-{version}-{status}")
    for kind, field, versions, outcomes in STATUSES
    for version in versions
    for status, outcome in outcomes.items()
]
SYSTEMS = {
    "verificationStatus": f"{TERMINOLOGY}/condition-ver-status",
    "clinicalStatus": f"{TERMINOLOGY}/condition-clinical",
}


def stated(field: str, status: str) -> dict[str, Any]:
    system = SYSTEMS.get(field)
    return {field: {"coding": [{"system": system, "code": status}]} if system else status}


@pytest.mark.parametrize(("kind", "field", "version", "status", "outcome"), EACH)
def test_each_status_has_its_outcome(kind: str, field: str, version: str, status: str, outcome: Outcome) -> None:
    one = read(content(kind, version, **stated(field, status)), version)
    assert (one.status is EvidenceStatus.WITHDRAWN) == (outcome is None)
    flags = [{flag for flag in token.flags if flag.startswith("status-")} for token in one.tokens]
    assert flags == ([] if outcome is None else [set(outcome)])
    if field == "clinicalStatus":
        (token,) = one.tokens
        assert isinstance(token, ObservationToken)
        assert token.answer == f"{SYSTEMS[field]}|{status}"


@pytest.mark.parametrize(("kind", "field", "versions", "outcomes"), STATUSES)
def test_a_status_of_no_binding_is_refused(kind: str, field: str, versions: tuple[str, ...], outcomes: Any) -> None:
    for version in versions:
        for status in ("zork", "FINAL"):
            with pytest.raises(Refused) as refused:
                read(content(kind, version, **stated(field, status)), version)
            assert refused.value.reason is Reason.NOT_FHIR
            assert f" {field})" in refused.value.detail


def local_first(system: str, local: str, code: str) -> dict[str, Any]:
    codings = [("http://snomed.info/sct", "55561003"), ("urn:local", local), (system, code)]
    return {"coding": [{"system": of, "code": one} for of, one in codings]}


def test_a_status_is_that_of_its_own_system_whatever_stands_before_it() -> None:
    (active,) = read(
        content("Condition", "4.3", clinicalStatus=local_first(SYSTEMS["clinicalStatus"], "A", "active")), "4.3"
    ).tokens
    assert isinstance(active, ObservationToken)
    assert active.answer == f"{SYSTEMS['clinicalStatus']}|active"
    sure = local_first(SYSTEMS["verificationStatus"], "refuted", "confirmed")
    (confirmed,) = read(content("Condition", "4.3", verificationStatus=sure), "4.3").tokens
    assert confirmed.flags == ("condition",)
    taking = {"status": "recorded", "adherence": {"code": local_first(ADHERENCE, "not-taking", "taking")}}
    (taken,) = read(content("MedicationStatement", "5.0", **taking), "5.0").tokens
    assert taken.flags == ("medicationstatement",)


def test_a_status_of_local_systems_alone_is_read_from_them() -> None:
    one = read(content("Condition", "4.3", clinicalStatus={"coding": [{"system": "urn:local", "code": "A"}]}), "4.3")
    assert [token.answer for token in one.tokens if isinstance(token, ObservationToken)] == ["urn:local|A"]


SIDES = {
    "below-range": ("L", "LU", "L<", "LL"),
    "above-range": ("H", "HU", "H>", "HH"),
    "": (
        *("N", "A", "AA", "<", ">", "HX", "LX", "EX", "POS", "NEG", "DET", "ND", "IND", "E", "B", "W", "U", "D"),
        *("S", "I", "R", "SDD", "NS", "IE", "EXP", "UNE", "RR", "WR", "NR", "CAR", "AC", "QCF", "TOX", "HM", "OBX"),
    ),
}
"""HL7's ObservationInterpretation, and its codes of old."""


@pytest.mark.parametrize(("side", "code"), [(side, code) for side, codes in SIDES.items() for code in codes])
def test_an_interpretation_tells_the_side_of_a_reference_range_or_nothing(side: str, code: str) -> None:
    said = {"coding": [{"system": f"{TERMINOLOGY}/v3-ObservationInterpretation", "code": code}]}
    one = read(content("Observation", "4.3", status="final", interpretation=[said]), "4.3")
    assert [token.flags for token in one.tokens] == [(side,) if side else ()]
