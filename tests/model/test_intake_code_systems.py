"""A code is one code, however its sender writes the name of its system."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from schemas.code_systems import system_named
from schemas.errors import Reason, Refused
from schemas.evidence import Evidence, Modality
from schemas.message import Message

LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
OID = "urn:oid:2.16.840.1.113883.6"
SPELLINGS = [LOINC, "http://loinc.org/", "https://loinc.org", "HTTPS://loinc.org/", f"{OID}.1", "2.16.840.1.113883.6.1"]
HAEMOGLOBIN: dict[str, Any] = {
    **{"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p1"}},
    "effectiveDateTime": "2026-01-01",
}


def coded(code: str, *systems: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for system in systems]}


def read(fields: dict[str, Any]) -> Evidence:
    value = json.dumps(HAEMOGLOBIN | fields).encode()
    sent = Message("fhir.observations", 0, 7, None, value, timestamp=datetime(2026, 6, 1, tzinfo=UTC))
    (one,) = read_observation(sent, ClinicalRules()).evidence
    return one


def measured(loinc: str, ucum: str) -> dict[str, Any]:
    return {
        "code": coded("718-7", loinc),
        "valueQuantity": {"value": 140, "unit": "g/L", "system": ucum, "code": "g/L"},
    }


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_a_code_of_loinc_is_one_code(spelt: str) -> None:
    right = read(measured(LOINC, UCUM))
    assert read(measured(spelt, UCUM)).hash == right.hash
    assert read(measured(LOINC, UCUM) | {"code": coded("718-7", spelt, LOINC)}).hash == right.hash


@pytest.mark.parametrize("spelt", ["https://unitsofmeasure.org", f"{UCUM}/", f"{OID}.8"])
def test_a_unit_of_ucum_is_one_unit(spelt: str) -> None:
    assert read(measured(LOINC, spelt)).hash == read(measured(LOINC, UCUM)).hash


@pytest.mark.parametrize("unit", ["K/mL", "G/L", "G/l", "T/L", "MG/L", "g%", "mg%"])
@pytest.mark.parametrize("coded_as", [{}, {"system": UCUM}])
def test_a_unit_that_ucum_would_read_as_kelvins_or_gauss_is_refused(unit: str, coded_as: dict[str, str]) -> None:
    quantity = {"value": 5, "unit": unit, **(coded_as and coded_as | {"code": unit})}
    with pytest.raises(Refused) as refused:
        read({"code": coded("local", "urn:x"), "valueQuantity": quantity})
    assert refused.value.reason is Reason.UNKNOWN_UNIT
    assert "10*3/uL" in refused.value.detail


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_a_variant_is_genomic_and_its_call_a_call(spelt: str) -> None:
    variant = {
        "code": coded("69548-6", spelt),
        "valueCodeableConcept": coded("LA9634-2", spelt),
        "component": [{"code": coded("48018-6", spelt), "valueCodeableConcept": {"text": "BRAF"}}],
    }
    one = read(variant)
    assert (one.modality, [token.flags for token in one.tokens]) == (Modality.GENOMIC, [("not-detected",)])
    with pytest.raises(Refused) as refused:
        read(variant | {"status": "zork"})
    assert [piece.modality for piece in refused.value.evidence] == [Modality.GENOMIC]


def test_a_fact_that_stands_twice_in_two_spellings_is_one() -> None:
    parts = [{"code": coded("718-7", spelt), "valueString": "low"} for spelt in SPELLINGS]
    panel = {"code": coded("58410-2", LOINC), "component": parts}
    assert len(read(panel).tokens) == 1


@pytest.mark.parametrize(
    ("spelt", "name"),
    [
        pytest.param(f"{OID}.96", SNOMED, id="snomed"),
        pytest.param("https://snomed.info/sct", SNOMED, id="snomed-by-https"),
        pytest.param(f"{OID}.3", "http://hl7.org/fhir/sid/icd-10", id="icd-10"),
        pytest.param(f"{OID}.90", "http://hl7.org/fhir/sid/icd-10-cm", id="icd-10-cm"),
        pytest.param("http://fhir.de/CodeSystem/dimdi/icd-10-gm", "http://fhir.de/CodeSystem/bfarm/icd-10-gm", id="gm"),
        pytest.param(f"{OID}.43.1", "http://terminology.hl7.org/CodeSystem/icd-o-3", id="icd-o-3"),
        pytest.param(f"{OID}.88", "http://www.nlm.nih.gov/research/umls/rxnorm", id="rxnorm"),
        pytest.param(f"{OID}.281", "http://www.genenames.org", id="hgnc"),
        pytest.param("https://hospital.example.org/codes/", "https://hospital.example.org/codes/", id="another-stays"),
        pytest.param(f"{OID}.9999", f"{OID}.9999", id="an-oid-not-listed-stays"),
        pytest.param("", "", id="none"),
        pytest.param(None, "", id="not-there"),
    ],
)
def test_a_system_has_one_name(spelt: str | None, name: str) -> None:
    assert system_named(spelt) == name


@pytest.mark.parametrize("other", ["urn:oid:1.2.840.114350.1.13", "http://fhir.de/CodeSystem/bfarm/alpha-id"])
def test_a_diagnosis_of_icd_10_gm_is_read_before_a_local_code(other: str) -> None:
    coding = [{"system": other, "code": "x"}, {"system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "code": "C32.0"}]
    one = read({"code": {"coding": coding}, "valueBoolean": True})
    assert [getattr(token, "code", None) for token in one.tokens] == ["http://fhir.de/CodeSystem/bfarm/icd-10-gm|C32.0"]
