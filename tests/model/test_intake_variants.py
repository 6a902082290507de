"""Genomics-Reporting Observations: variants, mutational burden, microsatellite instability."""

from datetime import timedelta
from typing import Any

import pytest
from fhir_messages import NINE, OBSERVATION, VARIANT_PARTS, coded, quantity, read_one, refusal, without

from model.table_columns import facts_of
from schemas.errors import Reason
from schemas.evidence import EvidenceStatus, Modality
from schemas.picture import Window, merge_all, view
from schemas.tokens import VariantToken


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
