"""Bytes to validated FHIR: what passes, what is refused, and that a refusal never quotes its content."""

import json
from typing import Any

import pytest

from schemas.errors import Reason, Refused
from schemas.fhir_parse import parse_fhir, releases_of

OBSERVATION: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
R4_STATEMENT = {
    "resourceType": "MedicationStatement",
    "status": "active",
    "medicationCodeableConcept": {"text": "x"},
    "subject": {"reference": "Patient/p"},
}
R5_STATEMENT = {
    "resourceType": "MedicationStatement",
    "status": "recorded",
    "medication": {"concept": {"text": "x"}},
    "subject": {"reference": "Patient/p"},
}
BOTH = ("R4B", "R5")


def dumped(**fields: Any) -> bytes:
    return json.dumps(OBSERVATION | fields).encode()


@pytest.mark.parametrize(
    ("header", "setting", "expected"),
    [
        ("application/fhir+json; fhirVersion=4.0", None, ("R4B",)),
        ('application/fhir+json;charset=utf-8;fhirVersion="5.0"', "4.3", ("R5",)),
        ("application/fhir+json", "5.0", ("R5",)),
        (None, "4.3.0", ("R4B",)),
        (None, None, BOTH),
    ],
)
def test_the_header_says_the_release_before_the_setting(header: str, setting: str, expected: tuple[str, ...]) -> None:
    assert releases_of(header, setting) == expected


def test_a_release_that_is_not_read_is_refused() -> None:
    with pytest.raises(Refused, match="unknown-version"):
        releases_of("application/fhir+json; fhirVersion=3.0", None)


@pytest.mark.parametrize(("content", "release"), [(OBSERVATION, "R4B"), (R4_STATEMENT, "R4B"), (R5_STATEMENT, "R5")])
def test_the_first_release_that_accepts_it_is_taken(content: dict[str, Any], release: str) -> None:
    assert parse_fhir(json.dumps(content).encode(), BOTH, 10_000).release == release


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, Reason.NOTHING_TO_READ, id="null"),
        pytest.param(b"SECRET", Reason.NOT_JSON, id="not-json"),
        pytest.param(b'["SECRET"]', Reason.NOT_JSON, id="not-an-object"),
        pytest.param(dumped()[:-1] + b', "status": "SECRET"}', Reason.NOT_JSON, id="doubled-key"),
        pytest.param(dumped(valueQuantity={"value": float("nan")}), Reason.NOT_JSON, id="nan"),
        pytest.param(json.dumps(OBSERVATION).encode("utf-16"), Reason.NOT_JSON, id="utf-16"),
        pytest.param(b'{"SECRET": "\xff"}', Reason.NOT_JSON, id="not-utf-8"),
        pytest.param(dumped(valueString="SECRET\ud800"), Reason.NOT_JSON, id="half-a-surrogate-pair"),
        pytest.param(b'{"a":' * 100_000, Reason.NOT_JSON, id="bomb"),
        pytest.param(b'{"a":' * 100 + b"1" + b"}" * 100, Reason.NOT_JSON, id="deep"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", Reason.NOT_JSON, id="huge-integer"),
        pytest.param(dumped(valueString="SECRET" * 200_000), Reason.TOO_LARGE, id="large"),
        pytest.param(b'{"resourceType": "SECRET"}', Reason.NOT_FHIR, id="unknown-type"),
        pytest.param(b'{"resourceType": ["SECRET"]}', Reason.NOT_FHIR, id="type-is-a-list"),
        pytest.param(dumped(SECRET=1), Reason.NOT_FHIR, id="unknown-field"),
        pytest.param(dumped(code="SECRET"), Reason.NOT_FHIR, id="text-for-an-object"),
        pytest.param(dumped(status="SECRET"), Reason.NOT_FHIR, id="status-outside-its-binding"),
        pytest.param(dumped(valueQuantity={"value": 1, "comparator": "~"}), Reason.NOT_FHIR, id="comparator"),
        pytest.param(dumped(effectiveDateTime="2026-02-30"), Reason.NOT_FHIR, id="no-such-day"),
        pytest.param(dumped(contained=[{"resourceType": "SECRET"}]), Reason.NOT_FHIR, id="contained-unknown-type"),
        pytest.param(b'{"resourceType": "Bundle", "type": "SECRET"}', Reason.NOT_FHIR, id="bundle-type"),
    ],
)
def test_what_is_refused_is_not_quoted(value: bytes | None, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        parse_fhir(value, BOTH, 1_000_000)
    assert refused.value.reason is reason
    assert "SECRET" not in str(refused.value)


def test_the_detail_says_which_field_is_wrong() -> None:
    with pytest.raises(Refused, match=r"R4B: valueQuantity\.value"):
        parse_fhir(dumped(valueQuantity={"value": "x"}), ("R4B",), 10_000)


@pytest.mark.parametrize(("release", "accepted"), [("R4B", False), ("R5", True)])
def test_a_binding_is_its_releases_own(release: str, accepted: bool) -> None:
    value = dumped(valueQuantity={"value": 1, "comparator": "ad"})
    if accepted:
        assert parse_fhir(value, (release,), 10_000).model.valueQuantity.comparator == "ad"
    else:
        with pytest.raises(Refused, match="required binding"):
            parse_fhir(value, (release,), 10_000)
