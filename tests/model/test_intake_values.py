"""What an Observation says, and what else has words: values, codes, components, and what is cut of them."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from fhir_messages import (
    CONDITION,
    DOCUMENT,
    LOINC,
    MEDICATION,
    NINE,
    OBSERVATION,
    PROCEDURE,
    coded,
    quantity,
    read_one,
    refusal,
)

from schemas.errors import Reason
from schemas.tokens import ObservationToken


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


def attached(text: str) -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return DOCUMENT | {"content": [{"attachment": {"contentType": "text/plain", "data": data}}]}


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
