"""FHIR messages to evidence: values, times, patients, withdrawals and mixed Bundles, as tables."""

import base64
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from model.table_columns import facts_of
from schemas.errors import Reason, Refused
from schemas.evidence import Evidence, EvidenceStatus, Modality
from schemas.message import Message
from schemas.picture import Window, merge_all, view
from schemas.tokens import ObservationToken, VariantToken

REAL = Path(__file__).parents[3] / "shared" / "data" / "fhir"
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
BY_ADDRESS = {"resourceType": "Encounter", "subject": {"reference": "urn:uuid:0"}}
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


R5_PROCEDURE = {key: value for key, value in PROCEDURE.items() if key != "performedDateTime"} | {
    "occurrenceDateTime": "2026-01-01T09:00:00Z"
}


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


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"valueQuantity": quantity(140, "g/L", comparator="<")},
            {"value": 14.0, "unit": "g/dL", "comparator": "<"},
            id="quantity",
        ),
        pytest.param(
            {"valueQuantity": quantity(9, "g/dL"), "referenceRange": [{"low": quantity(120, "g/L")}]},
            {"value": 9.0, "unit": "g/dL", "flags": ("below-range",)},
            id="below-range-in-another-unit",
        ),
        pytest.param(
            {"valueQuantity": quantity(19, "g/dL"), "interpretation": [coded("H", "urn:v3")]},
            {"value": 19.0, "unit": "g/dL", "flags": ("above-range",)},
            id="above-range-as-interpreted",
        ),
        pytest.param(
            {
                "valueQuantity": quantity(19, "g/dL"),
                "referenceRange": [{"text": "12 to 16"}],
                "interpretation": [coded("H", "urn:v3")],
            },
            {"value": 19.0, "unit": "g/dL", "flags": ("above-range",)},
            id="a-range-in-words-leaves-it-to-the-interpretation",
        ),
        pytest.param(
            {"valueQuantity": quantity(9, "g/dL", comparator=">"), "referenceRange": [{"low": quantity(12, "g/dL")}]},
            {"value": 9.0, "unit": "g/dL", "comparator": ">"},
            id="more-than-a-number-below-the-range-is-not-below-it",
        ),
        pytest.param(
            {"valueQuantity": quantity(19, "g/dL", comparator="<"), "referenceRange": [{"high": quantity(16, "g/dL")}]},
            {"value": 19.0, "unit": "g/dL", "comparator": "<"},
            id="less-than-a-number-above-the-range-is-not-above-it",
        ),
        pytest.param(
            {"valueRange": {"low": quantity(10, "g/dL"), "high": quantity(140, "g/L")}},
            {"value": 12.0, "unit": "g/dL", "flags": ("from-range",)},
            id="range",
        ),
        pytest.param(
            {"code": coded("x"), "valueRatio": {"numerator": quantity(1, "mg"), "denominator": quantity(2, "mL")}},
            {"code": f"{LOINC}|x", "value": 500.0, "unit": "g.m-3", "flags": ("from-ratio",)},
            id="ratio",
        ),
        pytest.param(
            {
                "code": coded("x"),
                "valueRatio": {"numerator": quantity(1, "1"), "denominator": quantity(4, "1", comparator=">")},
            },
            {"code": f"{LOINC}|x", "value": 0.25, "unit": "1", "comparator": "<", "flags": ("from-ratio",)},
            id="one-to-more-than-four-is-less-than-a-quarter",
        ),
        pytest.param(
            {
                "valueRatio": {
                    "numerator": quantity(1, "g", comparator=">"),
                    "denominator": quantity(4, "dL", comparator=">"),
                }
            },
            {"flags": ("absent-not-a-number",)},
            id="more-than-one-to-more-than-four-is-anything",
        ),
        pytest.param(
            {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": "1e-400"}}},
            {"flags": ("absent-not-a-number",)},
            id="a-denominator-that-a-double-takes-for-zero",
        ),
        pytest.param({"valueCodeableConcept": coded("LA1")}, {"answer": f"{LOINC}|LA1"}, id="coded"),
        pytest.param(
            {"valueCodeableConcept": {"coding": [{"display": "Positive"}]}}, {"answer": "text|positive"}, id="display"
        ),
        pytest.param({"valueString": " pT2 "}, {"answer": "pT2"}, id="string"),
        pytest.param(
            {"code": coded("74996-0"), "valueBoolean": True},
            {"code": f"{LOINC}|74996-0", "value": 1.0, "unit": "1"},
            id="boolean-of-a-code-without-a-unit",
        ),
        pytest.param(
            {"code": coded("35266-6"), "valueInteger": 7},
            {"code": f"{LOINC}|35266-6", "value": 7.0, "unit": "1"},
            id="integer-of-a-code-without-a-unit",
        ),
        pytest.param({"valueTime": "10:00:00"}, {"answer": "10:00:00"}, id="time"),
        pytest.param({"valueDateTime": "2025-03"}, {"answer": "2025-03-01T00:00:00+00:00"}, id="date-time"),
        pytest.param(
            {"dataAbsentReason": coded("not-performed", "urn:absent")},
            {"flags": ("absent-not-performed",)},
            id="absent",
        ),
        pytest.param(
            {"status": "unknown", "valueString": "pT2"}, {"answer": "pT2", "flags": ("status-unknown",)}, id="unknown"
        ),
        pytest.param({"hasMember": [{"reference": "Observation/x"}]}, {"flags": ("no-value",)}, id="panel"),
        pytest.param({"valuePeriod": {"start": "2025"}}, {"answer": "2025-01-01T00:00:00+00:00/"}, id="open-period"),
        *(
            pytest.param(fields, {"flags": ("absent-unknown",)}, id=f"says-nothing-{number}")
            for number, fields in enumerate(
                [
                    {"valuePeriod": {}},
                    {"valuePeriod": {"extension": [{"url": "http://a", "valueString": "b"}]}},
                    {"valuePeriod": {"_start": {"extension": [{"url": "http://a", "valueString": "b"}]}}},
                    {"valueCodeableConcept": {}},
                    {"valueString": " "},
                    {"valueQuantity": {}},
                    {"valueRange": {}},
                ]
            )
        ),
    ],
)
def test_a_value_of_every_form_becomes_one_token(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    token = ObservationToken(**{"code": f"{LOINC}|718-7", "at": NINE} | expected)
    assert read_one(OBSERVATION | fields).tokens == (token,)


def test_components_are_tokens_under_their_own_codes() -> None:
    parts = [{"code": coded(code), "valueQuantity": quantity(value, "mm[Hg]")} for code, value in BLOOD_PRESSURE]
    tokens = read_one(OBSERVATION | {"code": coded("85354-9"), "component": parts}).tokens
    assert [(t.code, t.value, t.unit) for t in tokens if isinstance(t, ObservationToken)] == [
        (f"{LOINC}|8480-6", 120.0, "mm[Hg]"),
        (f"{LOINC}|8462-4", 80.0, "mm[Hg]"),
    ]


BLOOD_PRESSURE = [("8480-6", 120), ("8462-4", 80)]


@pytest.mark.parametrize(
    ("codings", "expected"),
    [
        ([("urn:own", "a"), ("http://snomed.info/sct", "b"), (LOINC, "c")], f"{LOINC}|c"),
        ([("urn:own", "a"), ("http://snomed.info/sct", "b")], "http://snomed.info/sct|b"),
        ([("urn:own", "a"), ("http://hl7.org/fhir/sid/icd-10", "C50")], "http://hl7.org/fhir/sid/icd-10|C50"),
        ([("urn:own", "a"), ("urn:other", "b")], "urn:own|a"),
    ],
)
def test_loinc_is_preferred_then_snomed_then_icd(codings: list[tuple[str, str]], expected: str) -> None:
    code = {"coding": [{"system": system, "code": code} for system, code in codings]}
    (token,) = read_one(OBSERVATION | {"code": code, "valueBoolean": True}).tokens
    assert isinstance(token, ObservationToken)
    assert token.code == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"effectiveDateTime": "2026"}, datetime(2026, 1, 1, tzinfo=UTC), id="year"),
        pytest.param({"effectiveDateTime": "2026-03"}, datetime(2026, 3, 1, tzinfo=UTC), id="month"),
        pytest.param({"effectiveDateTime": "2026-03-04"}, datetime(2026, 3, 4, tzinfo=UTC), id="day"),
        pytest.param({"effectiveInstant": "2026-01-01T04:00:00.5-05:00"}, NINE.replace(microsecond=500000)),
        pytest.param({"effectivePeriod": {"start": "2025", "end": "2026-01-01T09:00:00Z"}}, NINE, id="end-of-period"),
        pytest.param({"effectivePeriod": {"start": "2026-01-01T09:00:00Z"}}, NINE, id="start-of-open-period"),
        pytest.param({"effectiveTiming": {"event": ["2026-01-01T09:00:00Z", "2025"]}}, NINE, id="last-event"),
        pytest.param({"issued": "2026-01-01T09:00:00Z"}, NINE, id="issued"),
    ],
)
def test_every_form_of_effective_is_one_instant(fields: dict[str, Any], expected: datetime) -> None:
    one = read_one(without(OBSERVATION, "effectiveDateTime") | {"valueString": "1"} | fields)
    assert one.occurred_at == expected
    assert {token.at for token in one.tokens} == {expected}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"subject": {"reference": "Patient/p1/_history/3"}}, "p1", id="versioned"),
        pytest.param({"subject": {"reference": "http://a/Patient/p1/_history/3"}}, "http://a/Patient/p1", id="url"),
        pytest.param({"subject": {"identifier": MRN}}, "7", id="our-system"),
        pytest.param({"subject": {"identifier": {"system": "urn:x", "value": "7"}}}, "urn:x|7", id="another-system"),
        pytest.param(
            {
                "subject": {"reference": "#p"},
                "contained": [{"resourceType": "Patient", "id": "p", "identifier": [MRN]}],
            },
            "7",
            id="contained",
        ),
        pytest.param(
            {
                "subject": {"reference": "#p"},
                "contained": [
                    {"resourceType": "Patient", "id": "p", "identifier": [MRN | {"use": "old", "value": "6"}, MRN]}
                ],
            },
            "7",
            id="by-the-number-that-is-not-old",
        ),
        *(
            pytest.param({"subject": {"reference": reference, "identifier": MRN}}, "7", id=f"{reference}-and-a-number")
            for reference in ("#p", "urn:uuid:9", "urn:oid:1.2")
        ),
        pytest.param(
            {
                "subject": {"reference": "#p", "identifier": MRN},
                "contained": [{"resourceType": "Patient", "id": "p", "name": [{"text": "x"}]}],
            },
            "7",
            id="contained-without-a-number",
        ),
        pytest.param({"subject": {"reference": "Patient/p1", "identifier": MRN}}, "p1", id="by-reference-first"),
    ],
)
def test_the_patient_is_found_however_it_is_named(fields: dict[str, Any], expected: str) -> None:
    assert read_one(OBSERVATION | fields).patient == expected


@pytest.mark.parametrize(
    "focus",
    [
        pytest.param({"reference": "Patient/p1"}, id="the-patient"),
        pytest.param({"reference": "Condition/c1"}, id="a-tumour"),
        pytest.param({"identifier": {"system": "urn:x", "value": "7"}}, id="something-by-number"),
    ],
)
def test_an_observation_may_look_at_its_patient_or_at_no_person(focus: dict[str, Any]) -> None:
    assert read_one(OBSERVATION | {"focus": [focus]}).patient == "p1"


@pytest.mark.parametrize(
    ("content", "reason", "kept"),
    [
        pytest.param(without(OBSERVATION, "subject"), Reason.NO_PATIENT, 0, id="no-subject"),
        pytest.param(OBSERVATION | {"subject": {"reference": "Group/g"}}, Reason.NO_PATIENT, 0, id="a-group"),
        pytest.param(
            OBSERVATION | {"modifierExtension": [{"url": "http://a/not", "valueBoolean": True}]},
            Reason.UNSUPPORTED,
            1,
            id="turned-round-perhaps",
        ),
        pytest.param(
            OBSERVATION | {"implicitRules": "http://a/rules"}, Reason.UNSUPPORTED, 1, id="under-rules-of-their-own"
        ),
        pytest.param(
            bundle(OBSERVATION) | {"implicitRules": "http://a/rules"},
            Reason.UNSUPPORTED,
            0,
            id="a-bundle-under-rules-of-its-own",
        ),
        pytest.param(
            bundle()
            | {"entry": [{"resource": OBSERVATION, "modifierExtension": [{"url": "http://a/not", "valueCode": "x"}]}]},
            Reason.UNSUPPORTED,
            0,
            id="an-entry-turned-round-perhaps",
        ),
        *(
            pytest.param(
                bundle() | {"entry": [{"resource": OBSERVATION}, {"resource": other}]},
                *(Reason.NOT_FHIR, 0),
                id=f"a-resource-that-is-{named}",
            )
            for other, named in [("", "no-text"), ([OBSERVATION], "a-list"), (0, "a-number")]
        ),
        pytest.param(
            OBSERVATION
            | {
                "component": [
                    {
                        "code": {"text": "a"},
                        "valueString": "b",
                        "modifierExtension": [{"url": "http://a/not", "valueBoolean": True}],
                    }
                ]
            },
            Reason.UNSUPPORTED,
            1,
            id="turned-round-in-part",
        ),
        pytest.param(OBSERVATION | {"subject": {"reference": "urn:uuid:9"}}, Reason.NO_PATIENT, 0, id="unresolved"),
        pytest.param(
            OBSERVATION | {"subject": {"type": "Device", "identifier": MRN}}, Reason.NO_PATIENT, 0, id="a-device"
        ),
        pytest.param(
            OBSERVATION | {"subject": {"identifier": {"system": "urn:x|y", "value": "7"}}},
            *(Reason.NO_PATIENT, 0),
            id="a-system-and-a-value-that-would-be-another-patients",
        ),
        *(
            pytest.param(
                OBSERVATION | {"subject": {"reference": "#p", "identifier": MRN} | more, "contained": [held]},
                *(Reason.NO_PATIENT, 0),
                id=f"a-number-of-a-{held['resourceType']}-{held['id']}",
            )
            for held, more in [
                ({"resourceType": "Device", "id": "p"}, {}),
                ({"resourceType": "Device", "id": "q"}, {"type": "Device"}),
            ]
        ),
        pytest.param(
            OBSERVATION | {"subject": {"reference": "Group/g", "identifier": MRN}},
            *(Reason.NO_PATIENT, 0),
            id="a-number-of-a-group",
        ),
        pytest.param(
            bundle(OBSERVATION, OBSERVATION | {"subject": {"reference": "urn:uuid:9", "identifier": MRN}}),
            *(Reason.TWO_PATIENTS, 0),
            id="two-by-a-number-beside-a-reference",
        ),
        pytest.param(without(OBSERVATION, "effectiveDateTime"), Reason.NO_TIME, 1, id="no-time"),
        pytest.param(OBSERVATION | {"valueQuantity": quantity(1, "zork")}, Reason.UNKNOWN_UNIT, 1, id="unknown-unit"),
        pytest.param(OBSERVATION | {"valueQuantity": {"value": 13}}, Reason.UNKNOWN_UNIT, 1, id="no-unit"),
        pytest.param(OBSERVATION | {"valueInteger": 13}, Reason.UNKNOWN_UNIT, 1, id="an-integer-for-grams"),
        pytest.param(OBSERVATION | {"valueBoolean": True}, Reason.UNKNOWN_UNIT, 1, id="a-yes-for-grams"),
        pytest.param(
            OBSERVATION | {"code": coded("4548-4"), "valueInteger": 7},
            Reason.UNKNOWN_UNIT,
            1,
            id="an-integer-for-percent",
        ),
        pytest.param(OBSERVATION | {"status": "zork"}, Reason.NOT_FHIR, 1, id="unknown-status"),
        pytest.param({"resourceType": "RiskAssessment"}, Reason.UNSUPPORTED, 0, id="another-type"),
        pytest.param(bundle(), Reason.NOTHING_TO_READ, 0, id="empty-bundle"),
        pytest.param(bundle({}), Reason.NO_PATIENT, 0, id="an-empty-resource"),
        pytest.param(
            bundle(OBSERVATION, OBSERVATION | {"subject": {"reference": "Patient/p2"}}),
            Reason.TWO_PATIENTS,
            0,
            id="two",
        ),
        pytest.param(
            bundle(OBSERVATION, {"resourceType": "Encounter", "subject": {"reference": "Patient/p2"}}),
            Reason.TWO_PATIENTS,
            0,
            id="two-by-a-type-that-is-not-read",
        ),
        pytest.param(
            bundle(OBSERVATION, bundle(OBSERVATION | {"subject": {"reference": "Patient/p2"}})),
            Reason.TWO_PATIENTS,
            0,
            id="two-by-a-bundle-inside",
        ),
        pytest.param(
            bundle(PATIENT, OBSERVATION, bundle({"resourceType": "Patient", "identifier": [MRN]}, BY_ADDRESS)),
            Reason.TWO_PATIENTS,
            0,
            id="two-by-an-address-that-means-another-inside",
        ),
        *(
            pytest.param(content, *(Reason.TWO_PATIENTS, 0), id=named)
            for content, named in [
                (
                    OBSERVATION
                    | {"subject": {"reference": "#p", "identifier": MRN | {"value": "8"}}}
                    | {"contained": [{"resourceType": "Patient", "id": "p", "identifier": [MRN]}]},
                    "two-by-another-number-than-that-of-the-contained-patient",
                ),
                (
                    bundle(
                        PATIENT | {"identifier": [MRN]},
                        OBSERVATION | {"subject": {"reference": "Patient/p1", "identifier": MRN | {"value": "8"}}},
                    ),
                    "two-by-another-number-than-that-of-the-patient-beside",
                ),
                (
                    bundle()
                    | {"entry": [{"resource": PATIENT, "fullUrl": f"http://{host}/Patient/p1"} for host in ("a", "b")]},
                    "two-of-one-id-from-two-servers",
                ),
                *(
                    (
                        bundle()
                        | {
                            "entry": [
                                {"resource": PATIENT, "fullUrl": url},
                                {"resource": OBSERVATION | {"subject": {"reference": url}}},
                            ]
                        },
                        f"two-by-the-address-{url}",
                    )
                    for url in ("Patient/p2", "http://a/Patient/p2")
                ),
            ]
        ),
        *(
            pytest.param(OBSERVATION | {"subject": subject}, *(Reason.NO_PATIENT, 0), id=f"an-id-too-long-{named}")
            for subject, named in [
                ({"identifier": MRN | {"value": "7" * 257}}, "value"),
                ({"identifier": {"system": "urn:x" * 51, "value": "7"}}, "system"),
                ({"reference": f"http://{'a' * 250}/Patient/p1"}, "address"),
            ]
        ),
        pytest.param(
            OBSERVATION | {"contained": [{"resourceType": "Specimen", "subject": {"reference": "Patient/p2"}}]},
            Reason.TWO_PATIENTS,
            0,
            id="two-by-a-specimen-inside",
        ),
        pytest.param(
            OBSERVATION | {"focus": [{"reference": "Patient/donor"}]}, Reason.TWO_PATIENTS, 0, id="a-donors-value"
        ),
        pytest.param(
            OBSERVATION | {"focus": [{"reference": "RelatedPerson/child"}]}, Reason.UNSUPPORTED, 1, id="of-a-child"
        ),
        pytest.param(
            R5_PROCEDURE | {"focus": {"reference": "Patient/donor"}}, Reason.TWO_PATIENTS, 0, id="done-to-a-donor"
        ),
        pytest.param(
            R5_PROCEDURE | {"focus": {"reference": "RelatedPerson/child"}}, Reason.UNSUPPORTED, 1, id="done-to-a-child"
        ),
    ],
)
def test_a_refusal_has_its_reason_and_what_is_unreadable(content: Any, reason: Reason, kept: int) -> None:
    refused = refusal(content)
    assert refused.reason is reason
    assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE] * kept


def beside(*entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A Bundle of resources, each at its place on a server."""
    listed = [{"fullUrl": f"{at}/{one['resourceType']}/{one['id']}", "resource": one} for at, one in entries]
    return bundle() | {"entry": listed}


HERE, THERE = "https://a/fhir", "https://b/fhir"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(beside((HERE, PATIENT), (THERE, OBSERVATION)), id="the-one-beside-is-on-another"),
        pytest.param(beside((HERE, OBSERVATION), (THERE, OBSERVATION | {"id": "o2"})), id="neither-is-beside"),
        pytest.param(
            beside((HERE, OBSERVATION), (THERE, MEDICATION | {"subject": {"reference": "Patient/p1/_history/2"}})),
            id="in-a-version",
        ),
        pytest.param(
            beside(
                (HERE, PATIENT),
                (
                    THERE,
                    OBSERVATION
                    | {"subject": {"reference": f"{HERE}/Patient/p1"}, "focus": [{"reference": "Patient/p1"}]},
                ),
            ),
            id="as-its-focus",
        ),
        pytest.param(
            beside(
                (HERE, OBSERVATION),
                (
                    THERE,
                    {
                        **{"resourceType": "Encounter", "id": "e"},
                        "contained": [{"resourceType": "Specimen", "subject": {"reference": "Patient/p1"}}],
                    },
                ),
            ),
            id="of-a-specimen-inside",
        ),
    ],
)
def test_a_relative_reference_from_another_server_is_another_patient(content: dict[str, Any]) -> None:
    refused = refusal(content)
    assert (refused.reason, refused.evidence) == (Reason.TWO_PATIENTS, ())


@pytest.mark.parametrize(
    "content",
    [
        beside((HERE, PATIENT), (HERE, OBSERVATION)),
        beside((HERE, OBSERVATION), (HERE, MEDICATION | {"medicationCodeableConcept": coded("1", "urn:x")})),
        beside(("urn", PATIENT), (HERE, OBSERVATION)),
        beside((HERE, OBSERVATION)),
        OBSERVATION,
    ],
)
def test_on_one_server_a_patient_is_the_id_alone_in_a_bundle_and_out_of_it(content: dict[str, Any]) -> None:
    assert {one.patient for one in read_observation(message(content), RULES).evidence} == {"p1"}


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param({"medicationReference": {"reference": "Medication/d"}}, id="r4"),
        pytest.param(
            {
                "medication": {"reference": {"reference": "Medication/d"}},
                "occurenceDateTime": "2026-01-01T09:00:00Z",
                "effectiveDateTime": None,
            },
            id="r5",
        ),
    ],
)
def test_a_drug_of_another_server_is_not_the_one_that_was_given(reference: dict[str, Any]) -> None:
    given = {name: value for name, value in (MEDICATION | reference).items() if value is not None}
    ours, theirs = ({"resourceType": "Medication", "id": "d", "code": coded(one, "urn:x")} for one in ("1", "2"))
    (one,) = read_observation(message(beside((HERE, ours), (HERE, given))), RULES).evidence
    assert [token.code for token in one.tokens if isinstance(token, ObservationToken)] == ["urn:x|1"]
    for content in (beside((THERE, theirs), (HERE, given)), beside((HERE, ours), (HERE, given), (THERE, theirs))):
        refused = refusal(content)
        assert (refused.reason, "send its coding" in refused.detail) == (Reason.NOT_FHIR, True)
        assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE]


def test_a_resource_sent_again_with_its_time_wins_over_what_was_refused_without_one() -> None:
    (unread,) = refusal(without(OBSERVATION, "effectiveDateTime")).evidence
    assert unread.occurred_at == ARRIVED
    assert read_one(OBSERVATION | {"valueString": "1"}).rank > unread.rank


def test_a_deletion_in_a_bundle_is_refused_and_costs_its_good_neighbours_nothing() -> None:
    deletions = [
        {"request": {"method": "DELETE", "url": url}}
        for url in ("Observation/o2", "http://a/fhir/Condition?code=1", "Encounter/e1")
    ]
    refused = refusal({"resourceType": "Bundle", "type": "transaction", "entry": deletions})
    assert (refused.reason, refused.evidence) == (Reason.UNSUPPORTED, ())
    both = bundle(OBSERVATION)
    refused = refusal(both | {"type": "transaction", "entry": [*both["entry"], *deletions]})
    assert refused.reason is Reason.UNSUPPORTED
    assert "2 of 3" in refused.detail
    assert [(one.source, one.status.value) for one in refused.evidence] == [("Observation/o1", "current")]


PARAMETERS = {"resourceType": "Parameters", "parameter": [{"name": "operation"}]}


@pytest.mark.parametrize(
    ("method", "resource", "kept"),
    [
        pytest.param("PATCH", PARAMETERS, ["Observation/o1"], id="a-patch"),
        pytest.param("PATCH", None, ["Observation/o1"], id="a-patch-without-its-content"),
        pytest.param("DELETE", OBSERVATION | {"id": "o2"}, ["Observation/o1"], id="what-is-deleted-is-not-current"),
        pytest.param("PATCH", OBSERVATION | {"id": "o2"}, None, id="what-a-patch-made-is-read"),
    ],
)
def test_a_change_that_does_not_say_what_is_now_is_refused(method: str, resource: Any, kept: list[str] | None) -> None:
    change = {"request": {"method": method, "url": "Observation/o2"}} | ({"resource": resource} if resource else {})
    both = bundle(OBSERVATION)
    content = both | {"type": "transaction", "entry": [*both["entry"], change]}
    if kept is None:
        read = read_observation(message(content), RULES).evidence
        assert [one.source for one in read] == ["Observation/o1", "Observation/o2"]
        return
    refused = refusal(content)
    assert (refused.reason, "1 of 2" in refused.detail) == (Reason.UNSUPPORTED, True)
    assert [one.source for one in refused.evidence] == kept


def test_a_bundle_inside_is_refused_where_it_would_be_read_and_costs_its_neighbours_nothing() -> None:
    good, inside = OBSERVATION | {"valueString": "1"}, OBSERVATION | {"id": "o2", "valueString": "2"}
    refused = refusal(bundle(good, bundle(bundle(inside))))
    assert (refused.reason, "1 of 2" in refused.detail) == (Reason.UNSUPPORTED, True)
    assert [(one.source, one.status.value) for one in refused.evidence] == [("Observation/o1", "current")]
    visit = {"resourceType": "Encounter", "subject": {"reference": "Patient/p1"}}
    assert read_observation(message(bundle(good, bundle(visit))), RULES).skipped == ("Bundle",)


def test_one_patient_may_come_in_versions_and_with_several_numbers() -> None:
    numbers = [MRN | {"use": "old", "value": "6"}, MRN, {"system": "urn:ssn", "value": "9"}]
    versions = [PATIENT | {"identifier": numbers[:count], "meta": {"versionId": str(count)}} for count in (1, 2, 3)]
    entries = [{"resource": one, "fullUrl": "http://a/Patient/p1"} for one in versions]
    named = [{"reference": "http://a/Patient/p1", "identifier": one} for one in (*numbers, {"value": "0"})]
    entries += [{"resource": OBSERVATION | {"subject": one}, "fullUrl": "http://a/Observation/o1"} for one in named]
    read = read_observation(message(bundle() | {"type": "history", "entry": entries}), RULES).evidence
    assert [one.patient for one in read] == ["p1"] * 7


def test_a_bad_entry_costs_its_good_neighbours_nothing() -> None:
    bad = OBSERVATION | {"id": "o2", "status": "zork", "meta": {"versionId": "4"}}
    refused = refusal(bundle(OBSERVATION | {"valueString": "1"}, bad, PATIENT))
    assert refused.reason is Reason.NOT_FHIR
    assert "1 of 3" in refused.detail
    assert [(one.source, one.status.value) for one in refused.evidence] == [
        ("Observation/o1", "current"),
        ("Observation/o2", "unreadable"),
        ("Patient/p1", "current"),
    ]
    assert refused.evidence[1].version == f"v{'4':0>20}"


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
@pytest.mark.parametrize("fields", [{}, {"effectiveDateTime": None}, {"valueQuantity": quantity(1, "zork")}])
def test_a_withdrawal_needs_neither_time_nor_value(status: str, fields: dict[str, Any]) -> None:
    content = OBSERVATION | {"status": status} | fields
    one = read_one({key: value for key, value in content.items() if value is not None})
    assert (one.status, one.tokens) == (EvidenceStatus.WITHDRAWN, ())


@pytest.mark.parametrize("status", ["corrected", "entered-in-error"])
@pytest.mark.parametrize(
    "time",
    [
        {"effectiveDateTime": "2026-01-01T09:00:00Z"},
        {"effectivePeriod": {"start": "2025-12-31", "end": "2026-01-01T09:00:00Z"}},
        {"effectivePeriod": {"start": "2026-01-01T09:00:00Z"}},
    ],
)
def test_a_correction_that_cannot_be_read_is_newer_than_what_it_corrects(status: str, time: dict[str, Any]) -> None:
    sent = without(OBSERVATION, "effectiveDateTime") | time
    (unread,) = refusal(sent | {"status": status, "zork": 1}).evidence
    assert (unread.status, unread.occurred_at) == (EvidenceStatus.UNREADABLE, NINE)
    assert read_one(sent | {"valueString": "1"}).rank < unread.rank
    assert read_one(sent | {"status": status, "valueString": "2"}).rank > unread.rank


@pytest.mark.parametrize("meta", [{}, {"meta": {"versionId": "x"}}])
def test_without_versions_a_correction_wins_over_final_and_final_over_preliminary(meta: dict[str, Any]) -> None:
    statuses = ["preliminary", "final", "corrected", "entered-in-error"]
    for value in range(20):  # the content hash must not decide
        ranks = [read_one(OBSERVATION | meta | {"status": s, "valueString": f"{value}{s}"}).rank for s in statuses]
        assert ranks == sorted(ranks)


def test_with_versions_the_greater_one_wins_whatever_its_status() -> None:
    early = OBSERVATION | {"meta": {"versionId": "9"}, "status": "corrected"}
    late = OBSERVATION | {"meta": {"versionId": "10"}}
    assert read_one(late).rank > read_one(early).rank


def test_a_source_without_an_id_is_its_identifier_else_its_content() -> None:
    nameless = without(OBSERVATION, "id")
    identified = nameless | {"identifier": [{"system": "urn:lab", "value": "5"}]}
    assert read_one(identified).source == "Observation/urn:lab|5"
    shuffled = dict(reversed(nameless.items()))
    assert read_one(nameless).source == read_one(shuffled).source
    assert read_one(nameless).source != read_one(nameless | {"valueString": "2"}).source


VARIANT_PARTS = [
    {"code": coded("48018-6"), "valueCodeableConcept": coded("HGNC:1097", "urn:hgnc", display="BRAF")},
    {"code": coded("48004-6"), "valueCodeableConcept": coded("NM_004333.6:c.1799T>A", "urn:hgvs", display="V600E")},
    {"code": coded("81258-6"), "valueQuantity": quantity(25, "%")},
    {"code": coded("82121-5"), "valueQuantity": quantity(400, "1")},
]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"code": coded("69548-6"), "valueCodeableConcept": coded("LA9633-4"), "component": VARIANT_PARTS},
            {"gene": "BRAF", "change": "NM_004333.6:c.1799T>A", "vaf": 0.25, "depth": 400},
            id="variant",
        ),
        pytest.param(
            {
                "code": coded("69548-6"),
                "valueCodeableConcept": coded("LA9634-2"),
                "component": [
                    VARIANT_PARTS[0],
                    {"code": coded("81258-6"), "valueQuantity": quantity(1, "%", comparator="<")},
                ],
            },
            {"gene": "BRAF", "change": "unspecified", "vaf": 0.0, "flags": ("not-detected",)},
            id="absent-is-a-measurement",
        ),
        pytest.param(
            {"code": coded("94076-7"), "valueQuantity": quantity(11.5, "1/1000000{Base}")},
            {"change": "TMB", "value": 11.5},
            id="tmb",
        ),
        pytest.param(
            {"code": coded("81695-9"), "valueCodeableConcept": coded("LA26203-2")},
            {"change": "MSI", "value": 1.0, "flags": ("msi-high",)},
            id="msi",
        ),
        pytest.param(
            {
                "code": coded("69548-6"),
                "component": [
                    {"code": coded("81258-6"), "valueQuantity": quantity(5, "%", comparator="<")},
                    {"code": coded("82121-5"), "valueQuantity": quantity(1000, "1", comparator=">=")},
                ],
            },
            {"change": "unspecified", "vaf": 0.05, "depth": 1000, "flags": ("depth>=", "vaf<")},
            id="a-fraction-and-a-depth-known-by-their-bounds",
        ),
        pytest.param(
            {"code": coded("94076-7"), "valueQuantity": quantity(100, "1/1000000{Base}", comparator=">")},
            {"change": "TMB", "value": 100.0, "flags": ("value>",)},
            id="more-tmb-than-is-counted",
        ),
        pytest.param(
            {"code": coded("81695-9"), "valueQuantity": quantity(20, "%", comparator="<")},
            {"change": "MSI", "value": 0.2, "flags": ("value<",)},
            id="less-msi-than-a-number",
        ),
    ],
)
def test_genomic_observations_are_genomic_evidence(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    one = read_one(OBSERVATION | fields)
    assert one.modality is Modality.GENOMIC
    assert one.tokens == (VariantToken(at=NINE, **expected),)


SNOMED = "http://snomed.info/sct"


@pytest.mark.parametrize(
    ("fields", "flags", "genes"),
    [
        pytest.param({}, (), {"BRAF"}, id="described-is-there"),
        pytest.param({"valueCodeableConcept": coded("LA9633-4")}, (), {"BRAF"}, id="present"),
        pytest.param({"valueCodeableConcept": coded("10828004", SNOMED)}, (), {"BRAF"}, id="positive"),
        pytest.param({"valueCodeableConcept": coded("LA9634-2")}, ("not-detected",), set(), id="absent"),
        pytest.param(
            {"valueCodeableConcept": coded("2667000", SNOMED)}, ("not-detected",), set(), id="absent-in-snomed"
        ),
        pytest.param({"valueCodeableConcept": coded("LA6577-6")}, ("not-detected",), set(), id="negative"),
        pytest.param(
            {"dataAbsentReason": coded("not-performed", "urn:a")},
            ("absent-not-performed", "no-call"),
            set(),
            id="not-done",
        ),
    ],
)
def test_a_gene_is_mutated_only_where_its_variant_was_found(
    fields: dict[str, Any], flags: tuple[str, ...], genes: set[str]
) -> None:
    one = read_one(OBSERVATION | {"code": coded("69548-6"), "component": VARIANT_PARTS[:1]} | fields)
    assert [token.flags for token in one.tokens] == [flags]
    assert facts_of([one], {}, []).genes == genes


@pytest.mark.parametrize("code", [{"text": "entered in error"}, coded("718-7")])
def test_a_withdrawal_that_no_longer_has_the_genomic_code_takes_the_variant_back(code: dict[str, Any]) -> None:
    window = Window(dict.fromkeys(Modality, timedelta(days=1)), dict.fromkeys(Modality, 9), {})
    found = read_one(OBSERVATION | {"code": coded("69548-6"), "component": VARIANT_PARTS[:1]})
    gone = read_one(without(OBSERVATION, "effectiveDateTime") | {"code": code, "status": "entered-in-error"})
    assert gone.modality is Modality.CLINICAL
    assert view(merge_all({}, [found]), window).present == {Modality.GENOMIC}
    assert view(merge_all({}, [found, gone]), window).present == set()


@pytest.mark.parametrize(
    "value",
    [
        *({"valueCodeableConcept": {"text": "Absent"}}, {"valueString": "Negative"}, {"valueBoolean": False}),
        {"valueCodeableConcept": {"coding": [*coded("LA9633-4")["coding"], *coded("LA9634-2")["coding"]]}},
    ],
    ids=["words", "string", "no", "two-calls"],
)
def test_a_variant_whose_value_may_mean_either_is_refused(value: dict[str, Any]) -> None:
    refused = refusal(OBSERVATION | {"code": coded("69548-6"), "component": VARIANT_PARTS[:1]} | value)
    assert (refused.reason, "LA9634-2" in refused.detail) == (Reason.UNSUPPORTED, True)
    assert [(one.modality, one.status) for one in refused.evidence] == [(Modality.GENOMIC, EvidenceStatus.UNREADABLE)]


def variant_at(start: int, *system: dict[str, Any]) -> dict[str, Any]:
    parts = [
        {"code": coded("48000-4"), "valueCodeableConcept": coded("LA21265-6", display="Chromosome 12")},
        {"code": coded("69547-8"), "valueString": "C"},
        {"code": coded("69551-0"), "valueString": "T"},
        {"code": coded("81254-5"), "valueRange": {"low": {"value": start}}},
        *({"code": coded("92822-6"), "valueCodeableConcept": one} for one in system),
    ]
    return {"code": coded("69548-6"), "component": parts}


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        pytest.param(variant_at(25398284), "chr12:25398284:C>T", id="not-said"),
        pytest.param(variant_at(25398284, coded("LA30102-0")), "chr12:25398284:C>T", id="from-one"),
        pytest.param(variant_at(25398283, coded("LA30101-2")), "chr12:25398284:C>T", id="from-zero"),
        pytest.param(variant_at(25398283, coded("LA30100-4")), "chr12:25398284:C>T", id="by-intervals"),
    ],
)
def test_a_variant_is_one_in_any_coordinate_system(fields: dict[str, Any], change: str) -> None:
    (token,) = read_one(OBSERVATION | fields).tokens
    assert isinstance(token, VariantToken)
    assert token.change == change


def test_a_coordinate_system_that_is_not_known_is_refused_with_those_that_are() -> None:
    refused = refusal(OBSERVATION | variant_at(25398284, {"text": "ours"}))
    assert refused.reason is Reason.NOT_FHIR
    assert "send LA30100-4, LA30101-2, LA30102-0 or HGVS" in refused.detail
    assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"component": [*VARIANT_PARTS, VARIANT_PARTS[2]]}, id="two-fractions"),
        pytest.param({"component": [*VARIANT_PARTS, VARIANT_PARTS[3]]}, id="two-depths"),
        pytest.param({"code": coded("94076-7"), "valueInteger": 5}, id="burden-of-no-unit"),
        pytest.param({"code": coded("94076-7"), "valueString": "high"}, id="burden-in-words"),
        pytest.param({"code": coded("81695-9"), "valueString": "unstable, see report"}, id="instability-in-any-words"),
        pytest.param({"code": coded("81695-9"), "valueCodeableConcept": coded("MSI-H", "urn:x")}, id="of-a-local-code"),
        pytest.param(
            {
                "code": coded("81695-9"),
                "valueCodeableConcept": {"coding": [coded(one)["coding"][0] for one in ("LA14122-8", "LA14123-6")]},
            },
            id="stable-and-unstable",
        ),
    ],
)
def test_a_genomic_value_that_may_mean_several_things_is_refused(fields: dict[str, Any]) -> None:
    refused = refusal(OBSERVATION | {"code": coded("69548-6")} | fields)
    assert (refused.reason, "send" in refused.detail) == (Reason.UNSUPPORTED, True)
    assert [(one.modality, one.status) for one in refused.evidence] == [(Modality.GENOMIC, EvidenceStatus.UNREADABLE)]


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({"code": coded("81695-9"), "valueCodeableConcept": coded("LA11884-6")}, ("indeterminate",)),
        ({"code": coded("81695-9")}, ("indeterminate",)),
        ({"code": coded("94076-7")}, ("absent-unknown",)),
        ({"code": coded("94076-7"), "dataAbsentReason": coded("error", "urn:a")}, ("absent-error",)),
    ],
)
def test_a_genomic_value_that_is_not_there_says_so(fields: dict[str, Any], flags: tuple[str, ...]) -> None:
    (token,) = read_one(OBSERVATION | fields).tokens
    assert (token.value, token.flags) == (None, flags)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"code": coded("94076-7"), "valueQuantity": {"value": "1e400"}}, id="burden-beyond-a-double"),
        pytest.param({"code": coded("94076-7"), "valueQuantity": {"value": -3}}, id="burden-below-zero"),
        pytest.param(
            {
                "code": coded("69548-6"),
                "component": [
                    {"code": coded("69547-8"), "valueString": "A"},
                    {"code": coded("69551-0"), "valueString": "T"},
                    {"code": coded("81254-5"), "valueRange": {"low": {"value": "1e9999"}}},
                ],
            },
            id="position-of-ten-thousand-digits",
        ),
    ],
)
def test_a_genomic_number_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    refused = refusal(OBSERVATION | fields)
    assert refused.reason is Reason.NOT_FHIR
    assert [(one.modality, one.status) for one in refused.evidence] == [(Modality.GENOMIC, EvidenceStatus.UNREADABLE)]


def test_a_genomic_observation_that_fails_is_unreadable_as_genomic() -> None:
    (one,) = refusal(OBSERVATION | {"code": coded("94076-7"), "status": "zork"}).evidence
    assert one.modality is Modality.GENOMIC


NOTE = {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(b"Margins clear.").decode()}


@pytest.mark.parametrize(
    ("adherence", "status", "flags"),
    [
        ("taking", EvidenceStatus.CURRENT, [("medicationstatement",)]),
        ("stopped", EvidenceStatus.CURRENT, [("medicationstatement", "status-stopped")]),
        ("not-taking", EvidenceStatus.WITHDRAWN, []),
    ],
)
def test_whether_a_medicine_is_taken_is_read_in_r5_as_in_r4(
    adherence: str, status: EvidenceStatus, flags: list[tuple[str, ...]]
) -> None:
    one = read_one(
        {
            **{"resourceType": "MedicationStatement", "id": "m", "status": "recorded"},
            **{"subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-01-01T09:00:00Z"},
            "medication": {"concept": coded("1", "urn:x")},
            "adherence": {"code": coded(adherence, "http://hl7.org/fhir/CodeSystem/medication-statement-adherence")},
        }
    )
    assert (one.status, [token.flags for token in one.tokens]) == (status, flags)


@pytest.mark.parametrize(
    ("status", "answer", "flags"),
    [
        pytest.param("completed", "urn:x|2", (), id="completed"),
        *(
            pytest.param(status, "urn:x|2", (f"status-{status}",), id=status)
            for status in ("in-progress", "on-hold", "stopped", "unknown")
        ),
        pytest.param("preparation", "", ("status-preparation",), id="preparation-says-no-site-done"),
        pytest.param("not-done", None, (), id="not-done-is-withdrawn"),
        pytest.param("entered-in-error", None, (), id="entered-in-error-is-withdrawn"),
    ],
)
def test_only_a_completed_act_says_that_it_is_done(status: str, answer: str | None, flags: tuple[str, ...]) -> None:
    done, given = ({"status": status}, {"medicationCodeableConcept": coded("1", "urn:x")})
    read = [read_one(PROCEDURE | done)]
    read += [read_one(MEDICATION | done | given)] if status != "preparation" else []  # has no such status
    for one in read:
        assert (one.status is EvidenceStatus.WITHDRAWN) == (answer is None)
        said = [(token.code, token.flags) for token in one.tokens if isinstance(token, ObservationToken)]
        assert said == ([] if answer is None else [("urn:x|1", (one.source.partition("/")[0].lower(), *flags))])
    assert [token.answer for token in read[0].tokens if isinstance(token, ObservationToken)] == (
        [] if answer is None else [answer]
    )


@pytest.mark.parametrize("end", ["completed", "stopped"])
def test_without_versions_what_is_over_wins_over_what_was_going_on(end: str) -> None:
    for code in map(str, range(20)):  # the content hash must not decide
        act = PROCEDURE | {"code": coded(code, "urn:x")}
        ranks = [read_one(act | {"status": status}).rank for status in ("in-progress", end, "entered-in-error")]
        assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("content", "flags"),
    [
        pytest.param(CONDITION | {"verificationStatus": {"text": "refuted"}}, ("status-unknown",), id="condition"),
        pytest.param(CONDITION | {"verificationStatus": coded("confirmed", "urn:v")}, (), id="confirmed"),
        pytest.param(CONDITION, (), id="condition-without-one"),
        pytest.param(
            {
                **{"resourceType": "MedicationStatement", "status": "recorded", "dateAsserted": "2026-01-01T09:00:00Z"},
                **{"subject": {"reference": "Patient/p1"}, "medication": {"concept": coded("1", "urn:x")}},
                "adherence": {"code": {"text": "not taking"}},
            },
            ("status-unknown",),
            id="adherence",
        ),
    ],
)
def test_a_status_in_words_alone_may_say_anything(content: dict[str, Any], flags: tuple[str, ...]) -> None:
    one = read_one({"code": coded("1", "urn:x")} | content if content["resourceType"] == "Condition" else content)
    assert [token.flags for token in one.tokens] == [(content["resourceType"].lower(), *flags)]


def test_a_document_whose_code_would_travel_ten_thousand_times_is_refused() -> None:
    """Evidence larger than Kafka takes would stop the worker, and so every other patient."""
    refused = refusal(
        {
            **{"resourceType": "DocumentReference", "id": "d", "status": "current", "date": "2026-01-01T09:00:00Z"},
            **{"subject": {"reference": "Patient/p1"}, "type": coded("c" * 5000, "urn:x")},
            "content": [{"attachment": {"url": "http://a/b"}}] * 2000,
        }
    )
    assert refused.reason is Reason.TOO_LARGE
    assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE]


def attached(text: str) -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return DOCUMENT | {"content": [{"attachment": {"contentType": "text/plain", "data": data}}]}


DOCUMENT = {
    **{"resourceType": "DocumentReference", "id": "d", "status": "current", "date": "2026-01-01T09:00:00Z"},
    **{"subject": {"reference": "Patient/p1"}, "content": [{"attachment": NOTE}]},
}


@pytest.mark.parametrize(
    ("make", "longest", "flag"),
    [
        pytest.param(lambda text: OBSERVATION | {"valueString": text}, 256, "text-cut", id="answer"),
        pytest.param(
            lambda text: OBSERVATION | {"valueCodeableConcept": {"coding": [{"display": text}]}},
            *(256, "text-cut"),
            id="coded-answer-in-words",
        ),
        pytest.param(
            lambda text: OBSERVATION | {"component": [{"code": coded("x"), "valueString": text}]},
            *(256, "text-cut"),
            id="of-a-component",
        ),
        pytest.param(
            lambda text: OBSERVATION | {"code": {"text": text}, "valueBoolean": True}, 256, "text-cut", id="code"
        ),
        pytest.param(lambda text: CONDITION | {"code": {"text": text}}, 256, "text-cut", id="condition"),
        pytest.param(
            lambda text: MEDICATION | {"medicationCodeableConcept": {"text": text}}, 256, "text-cut", id="medication"
        ),
        pytest.param(lambda text: DOCUMENT | {"type": {"text": text}}, 256, "text-cut", id="type-of-a-document"),
        pytest.param(attached, 4000, "note-cut", id="note"),
    ],
)
def test_words_of_which_a_token_holds_the_beginning_are_flagged(
    make: Callable[[str], dict[str, Any]], longest: int, flag: str
) -> None:
    whole, cut = read_one(make("x" * longest)), read_one(make("x" * (longest + 1)))
    assert (whole.flags, cut.flags) == ((), (flag,))
    assert whole.tokens == cut.tokens


def test_a_long_name_beside_a_code_is_not_a_cut() -> None:
    assert read_one(OBSERVATION | {"valueCodeableConcept": coded("LA1") | {"text": "x" * 300}}).flags == ()


@pytest.mark.parametrize(
    ("charset", "data", "answer"),
    [
        pytest.param("; charset=ISO-8859-1", "Fr\u00fch".encode("latin-1"), "Fr\u00fch", id="as-it-says"),
        pytest.param('; charset="utf-16le"', "clear".encode("utf-16le"), "clear", id="of-two-bytes"),
        pytest.param("", "Fr\u00fch".encode(), "Fr\u00fch", id="utf-8-where-it-does-not-say"),
        pytest.param("", "clear".encode("utf-16le"), "", id="not-what-it-seems"),
        pytest.param("; charset=zork", b"clear", "", id="no-such-charset"),
        pytest.param("; charset=utf-8", "Fr\u00fch".encode("latin-1"), "", id="not-what-it-says"),
    ],
)
def test_a_note_is_read_in_its_own_charset(charset: str, data: bytes, answer: str) -> None:
    attachment = {"contentType": f"text/plain{charset}", "data": base64.b64encode(data).decode()}
    one = read_one(
        {
            **{"resourceType": "DocumentReference", "id": "d", "status": "current", "date": "2026-01-01T09:00:00Z"},
            **{"subject": {"reference": "Patient/p1"}, "content": [{"attachment": attachment}]},
        }
    )
    assert [(token.answer, token.flags) for token in one.tokens] == [
        (answer, ("note",) if answer else ("note-unread",))
    ]


@pytest.mark.parametrize(
    ("fields", "code", "answer", "flags", "status"),
    [
        pytest.param(
            {
                "resourceType": "Condition",
                "code": coded("C50", "http://hl7.org/fhir/sid/icd-10"),
                "clinicalStatus": coded("active", "urn:c"),
                "onsetDateTime": "2026-01-01T09:00:00Z",
            },
            *("http://hl7.org/fhir/sid/icd-10|C50", "urn:c|active", ("condition",), "current"),
            id="condition",
        ),
        pytest.param(
            {
                "resourceType": "Condition",
                "code": coded("C50", "urn:x"),
                "verificationStatus": coded(
                    "entered-in-error", "http://terminology.hl7.org/CodeSystem/condition-ver-status"
                ),
                "recordedDate": "2026-01-01T09:00:00Z",
            },
            *("", "", (), "withdrawn"),
            id="condition-in-error",
        ),
        pytest.param(
            {
                "resourceType": "Procedure",
                "status": "preparation",
                "code": coded("1", "urn:x"),
                "performedPeriod": {"end": "2026-01-01T09:00:00Z"},
            },
            *("urn:x|1", "", ("procedure", "status-preparation"), "current"),
            id="procedure",
        ),
        pytest.param(
            MEDICATION | {"medicationCodeableConcept": coded("1", "urn:x")},
            *("urn:x|1", "", ("medicationadministration",), "current"),
            id="administration-r4",
        ),
        pytest.param(
            without(MEDICATION, "effectiveDateTime")
            | {"occurenceDateTime": "2026-01-01T09:00:00Z", "medication": {"concept": coded("1", "urn:x")}},
            *("urn:x|1", "", ("medicationadministration",), "current"),
            id="administration-r5",
        ),
        pytest.param(
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "type": coded("34108-1"),
                "date": "2026-01-01T09:00:00Z",
                "content": [{"attachment": NOTE}],
            },
            *(f"{LOINC}|34108-1", "Margins clear.", ("note",), "current"),
            id="note",
        ),
    ],
)
def test_other_resources_are_tokens_too(
    fields: dict[str, Any], code: str, answer: str, flags: tuple[str, ...], status: str
) -> None:
    one = read_one({"subject": {"reference": "Patient/p1"}} | fields)
    expected = (ObservationToken(code=code, answer=answer, at=NINE, flags=flags),) if code else ()
    assert (one.tokens, one.status.value, one.occurred_at) == (expected, status, NINE)


def test_a_bundle_resolves_its_own_names_and_counts_what_it_skips() -> None:
    drug = {"resourceType": "Medication", "id": "d", "code": coded("1", "urn:x")}
    given = MEDICATION | {"medicationReference": {"reference": "Medication/d"}, "subject": {"reference": "urn:uuid:0"}}
    reading = read_observation(message(bundle(PATIENT, given, drug)), RULES)
    assert reading.skipped == ("Medication",)
    assert {one.patient for one in reading.evidence} == {"p1"}
    born, sex = reading.evidence[0].tokens
    assert (born.at, sex.at) == (datetime(1950, 5, 1, tzinfo=UTC),) * 2
    (token,) = reading.evidence[1].tokens
    assert isinstance(token, ObservationToken)
    assert token.code == "urn:x|1"


@pytest.mark.parametrize("never", ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_time_that_stands_for_none_is_none(never: str) -> None:
    """As the newest time of a patient it would make all that is known of her stale."""
    (unread,) = refusal(OBSERVATION | {"effectiveDateTime": never}).evidence
    assert (unread.status, unread.occurred_at) == (EvidenceStatus.UNREADABLE, ARRIVED)
    for other in ({"valueDateTime": never}, {"effectiveTiming": {"event": [never]}, "effectiveDateTime": None}):
        fields = {name: value for name, value in (OBSERVATION | other).items() if value is not None}
        assert refusal(fields).reason is Reason.NO_TIME


@pytest.mark.parametrize("never", ["9999", "9999-12-31", "9999-12-31T23:59:59+01:00"])
def test_a_period_until_the_year_9999_is_open(never: str) -> None:
    one = read_one(
        without(OBSERVATION, "effectiveDateTime")
        | {"effectivePeriod": {"start": "2026-01-01T09:00:00Z", "end": never}}
        | {"valuePeriod": {"start": "2025", "end": never}}
    )
    assert one.occurred_at == NINE
    assert [token.answer for token in one.tokens if isinstance(token, ObservationToken)] == [
        "2025-01-01T00:00:00+00:00/"
    ]
    unread = OBSERVATION | {"effectivePeriod": {"start": "2026-01-01T09:00:00Z", "end": never}, "zork": 1}
    assert refusal(without(unread, "effectiveDateTime")).evidence[0].occurred_at == NINE


@pytest.mark.parametrize("number", [2026, 20260101, 0, 1767258000, 1.5])
@pytest.mark.parametrize(
    ("content", "field"),
    [
        (OBSERVATION | {"valueString": "a"}, "effectiveDateTime"),
        (OBSERVATION | {"valueString": "a", "meta": {"lastUpdated": "2026-01-01T09:00:00Z"}}, "meta.lastUpdated"),
        (OBSERVATION | {"valueDateTime": "2025"}, "valueDateTime"),
        (OBSERVATION | {"valueTime": "10:00:00"}, "valueTime"),
        (OBSERVATION | {"valuePeriod": {"start": "2025"}}, "valuePeriod.start"),
        (
            without(OBSERVATION, "effectiveDateTime")
            | {"valueString": "a", "effectiveTiming": {"event": ["2026-01-01T09:00:00Z"]}},
            "effectiveTiming.event",
        ),
        (PATIENT, "birthDate"),
        (CONDITION | {"code": coded("1", "urn:x")}, "recordedDate"),
    ],
)
def test_a_number_is_no_time(content: dict[str, Any], field: str, number: float) -> None:
    """The library takes it for seconds since 1970."""
    assert read_one(content).status is EvidenceStatus.CURRENT
    first, _, rest = field.partition(".")
    value: Any = {rest: number} if rest else number
    if rest == "event":
        value = {rest: [number]}
    refused = refusal(content | {first: value})
    assert refused.reason is Reason.NOT_FHIR
    assert field in refused.detail


def test_true_is_no_number() -> None:
    refused = refusal(OBSERVATION | {"code": coded("x"), "valueInteger": True})
    assert (refused.reason, "valueInteger" in refused.detail) == (Reason.NOT_FHIR, True)


@pytest.mark.parametrize(
    ("content", "answers"),
    [
        pytest.param(PROCEDURE | {"bodySite": []}, [""], id="no-body-site"),
        pytest.param(DOCUMENT | {"content": [{"attachment": None}]}, [""], id="no-attachment"),
        pytest.param(
            OBSERVATION
            | {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": "1e400"}}, "code": coded("x")},
            [""],
            id="one-to-more-than-a-double-is-not-0",
        ),
    ],
)
def test_what_is_empty_where_fhir_has_no_empty_is_said_by_nobody(content: dict[str, Any], answers: list[str]) -> None:
    tokens = read_one(content).tokens
    assert [token.answer for token in tokens if isinstance(token, ObservationToken)] == answers
    assert [token.value for token in tokens] == [None] * len(answers)


MANY = 100_000


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        pytest.param(OBSERVATION | {"extension": [{}] * MANY}, 1, id="extensions"),
        pytest.param(OBSERVATION | {f"k{number}": 1 for number in range(MANY)}, 1, id="fields"),
        pytest.param(OBSERVATION | {"contained": [{"resourceType": "Patient", "id": "p"}] * MANY}, 1, id="contained"),
        pytest.param(OBSERVATION | {"code": {"coding": [{"code": "c"}] * MANY}}, 1, id="codings"),
        pytest.param(bundle(OBSERVATION) | {"extension": [{}] * MANY}, 0, id="of-the-bundle"),
        pytest.param(
            bundle(
                MEDICATION | {"medicationReference": {"reference": "urn:uuid:1"}}, DRUG | {"extension": [{}] * MANY}
            ),
            1,
            id="of-the-drug-beside",
        ),
    ],
)
def test_more_than_a_resource_holds_is_refused_before_it_takes_long(content: dict[str, Any], kept: int) -> None:
    started = time.process_time()
    refused = refusal(content)
    assert time.process_time() - started < 2
    assert refused.reason is Reason.TOO_LARGE
    assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE] * kept


def test_the_first_wrong_entries_of_a_bundle_end_the_work() -> None:
    started = time.process_time()
    refused = refusal(bundle(OBSERVATION) | {"entry": [{"extension": [{}]}] * MANY})
    assert time.process_time() - started < 2
    assert refused.reason is Reason.NOT_FHIR


def test_a_content_type_of_a_megabyte_is_read_by_nobody() -> None:
    started = time.process_time()
    kind = "urn:oid:" + "1." * 500_000
    one = read_one(DOCUMENT | {"content": [{"attachment": NOTE | {"contentType": kind}}]})
    assert [token.flags for token in one.tokens] == [("note-unread",)]
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda own: OBSERVATION | {"code": coded(own), "valueQuantity": quantity(1, "g/L")}, id="codes"),
        pytest.param(lambda own: OBSERVATION | {"resourceType": own}, id="types"),
    ],
)
def test_what_senders_write_is_not_remembered(make: Callable[[str], dict[str, Any]]) -> None:
    tracemalloc.start()
    reason_of(make("warm"))
    before, _ = tracemalloc.get_traced_memory()
    for number in range(20):
        reason_of(make(f"{number}" + "x" * 500_000))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 2_000_000


@pytest.mark.parametrize("known", [{"id": "p1"}, {}], ids=["with-an-id", "without-one"])
def test_many_may_refer_to_a_patient_of_many_numbers(known: dict[str, Any]) -> None:
    numbers = [{"system": "urn:x", "value": str(number)} for number in range(30_000)]
    subject = {"reference": "urn:uuid:0", "identifier": numbers[0]}
    about = [{"resourceType": "Encounter", "subject": subject}] * 1000
    content = bundle({"resourceType": "Patient", "identifier": numbers} | known, *about)
    started = time.process_time()
    assert refusal(content).reason is Reason.TOO_LARGE
    assert time.process_time() - started < 2


def altered(value: Any) -> Iterator[Any]:
    """Every copy of `value` with one part of it replaced by something of another shape."""
    yield from (None, [], {}, [None], [[1]], "x", -1, True, {"x": 1}, "{}", "[1]", 1e308)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in items:
        for other in altered(held):
            yield {**value, key: other} if isinstance(value, dict) else [*value[:key], other, *value[key + 1 :]]


@pytest.mark.parametrize(
    "content",
    [
        bundle(OBSERVATION | {"valueQuantity": quantity(1, "g/dL"), "meta": {"versionId": "1"}}),
        OBSERVATION | {"code": coded("69548-6"), "component": VARIANT_PARTS[:3]},
        PATIENT | {"identifier": [MRN]},
    ],
)
def test_whatever_is_malformed_is_evidence_or_a_refusal(content: dict[str, Any]) -> None:
    reasons = [reason_of(other) for other in altered(content)]
    assert reasons.count(None) > 0
    assert reasons.count(Reason.NOT_FHIR) > len(reasons) / 4
    assert Reason.INTERNAL_ERROR not in reasons


def reason_of(content: Any) -> Reason | None:
    """Why a message is refused, or None where it is read; anything else that is raised is a bug."""
    try:
        read_observation(message(content), RULES)
    except Refused as refused:
        return refused.reason
    return None


EXPECTED = {
    "diagnosticreport-example": (Reason.NO_TIME, Reason.NO_TIME),
    "documentreference-example": ("DocumentReference/example", Reason.NOT_FHIR),
    "medicationadministration0301": ("MedicationAdministration/medadmin0301", Reason.NOT_FHIR),
    "medicationstatementexample1": ("MedicationStatement/example001", Reason.NOT_FHIR),
    "observation-decimal": (Reason.NO_PATIENT, Reason.NO_PATIENT),
    "observation-example": ("Observation/example", "Observation/example"),
    "riskassessment-example": (Reason.UNSUPPORTED, Reason.UNSUPPORTED),
}
"""What HL7's examples give as R4B and as R5. A Bundle of reports has Observations without a time of their own."""


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real FHIR at {REAL}")
@pytest.mark.parametrize(("version", "column"), [("4.3", 0), ("5.0", 1)])
@pytest.mark.parametrize("prefix", ["r4b", "r5"])
@pytest.mark.parametrize("name", EXPECTED)
def test_real_files_end_in_evidence_or_the_right_refusal(name: str, prefix: str, version: str, column: int) -> None:
    content, expected = (REAL / f"{prefix}-{name}.json").read_bytes(), EXPECTED[name][column]
    rules = ClinicalRules(fhir_version=version)
    if isinstance(expected, Reason):
        assert refusal(content, rules).reason is expected
    else:
        assert [one.source for one in read_observation(message(content), rules).evidence] == [expected]
