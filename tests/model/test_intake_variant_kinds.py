"""What a variant is beside found: benign or germline, of a gene by its number; and an MSI status in words."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from model.encoders.variant_tokens import newest_variants, variant_features
from model.intake.clinical import ClinicalRules, read_observation
from model.table_columns import facts_of
from schemas.errors import Reason, Refused
from schemas.evidence import Evidence, EvidenceStatus, Modality
from schemas.message import Message
from schemas.tokens import VariantToken

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


def coded(*codes: str, system: str = LOINC, **more: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **more} for code in codes]}


def part(number: str, concept: dict[str, Any]) -> dict[str, Any]:
    return {"code": coded(number), "valueCodeableConcept": concept}


def read(code: str, **fields: Any) -> Evidence:
    content = {
        **{"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p1"}},
        **{"code": coded(code), "effectiveDateTime": "2026-01-01", **fields},
    }
    sent = Message("o", 0, 7, None, json.dumps(content).encode(), timestamp=datetime(2026, 6, 1, tzinfo=UTC))
    (one,) = read_observation(sent, ClinicalRules()).evidence
    return one


def variant(*parts: dict[str, Any]) -> tuple[Evidence, VariantToken]:
    one = read("69548-6", component=parts, valueCodeableConcept=coded("LA9633-4"))
    (token,) = one.tokens
    assert isinstance(token, VariantToken)
    return one, token


BRCA1 = part("48018-6", coded("HGNC:1100", system="http://www.genenames.org", display="BRCA1"))


@pytest.mark.parametrize(
    ("judged", "hit"),
    [
        pytest.param([coded("LA6675-8")], False, id="benign"),
        pytest.param([coded("LA26334-5")], False, id="likely"),
        pytest.param([coded("LA6674-1")], False, id="presumed"),
        pytest.param([{"text": "Likely benign"}], False, id="in-words"),
        pytest.param([coded("30166007", system=SNOMED, display="Benign")], False, id="in-another-system"),
        pytest.param([coded("LA6675-8"), coded("LA26334-5")], False, id="of-two-diseases"),
        pytest.param([coded("LA6675-8"), coded("LA6668-3")], True, id="pathogenic-of-another-disease"),
        pytest.param([coded("LA6675-8", "LA6668-3")], True, id="both-at-once"),
        pytest.param([coded("LA6668-3")], True, id="pathogenic"),
        pytest.param([coded("LA26333-7")], True, id="uncertain"),
        pytest.param([coded("LA6668-3", display="Benign")], True, id="the-code-counts"),
        pytest.param([{"text": "not benign"}], True, id="in-other-words"),
        pytest.param([], True, id="not-judged"),
    ],
)
def test_a_benign_variant_hits_no_gene(judged: list[dict[str, Any]], hit: bool) -> None:
    one, token = variant(BRCA1, *(part("53037-8", concept) for concept in judged))
    assert token.gene == "BRCA1"
    assert ("benign" in token.flags) is not hit
    facts = facts_of([one], {}, [])
    assert facts.genes == ({"BRCA1"} if hit else set())
    assert facts.assayed
    assert bool(newest_variants([one], 4)) is hit


def test_a_benign_variant_is_to_the_network_as_none_found() -> None:
    benign, _ = variant(BRCA1, part("53037-8", coded("LA6675-8")))
    shown, none = variant_features([[benign]], 4), variant_features([[]], 4)
    assert all(np.array_equal(shown[name], none[name]) for name in none)


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        pytest.param("LA6683-2", ("germline",), id="germline"),
        pytest.param("LA18194-3", ("germline",), id="likely-germline"),
        pytest.param("LA6684-0", (), id="somatic"),
        pytest.param("LA18197-6", (), id="unknown"),
    ],
)
def test_a_germline_variant_says_so(source: str, flags: tuple[str, ...]) -> None:
    one, token = variant(BRCA1, part("48002-0", coded(source)))
    assert token.flags == flags
    assert facts_of([one], {}, []).genes == {"BRCA1"}


HGVS = "http://varnomen.hgvs.org"
NUMBERED = {"system": "http://www.genenames.org", "code": "HGNC:1097"}


@pytest.mark.parametrize(
    "concept",
    [
        pytest.param({"coding": [NUMBERED | {"display": "BRAF"}]}, id="display"),
        pytest.param({"coding": [NUMBERED], "text": "BRAF"}, id="text"),
        pytest.param({"coding": [NUMBERED, {"system": "urn:symbols", "code": "BRAF"}]}, id="another-code"),
        pytest.param({"coding": [NUMBERED | {"display": "HGNC:1097"}], "text": "BRAF"}, id="number-as-display"),
        pytest.param({"coding": [{"system": "http://www.genenames.org", "code": "BRAF"}]}, id="symbol-as-code"),
    ],
)
def test_a_gene_is_its_symbol_wherever_its_code_has_it(concept: dict[str, Any]) -> None:
    assert variant(part("48018-6", concept))[1].gene == "BRAF"


@pytest.mark.parametrize("number", ["HGNC:1097", "hgnc:1097", "1097", "673", "ENSG00000157764", "ENSG00000157764.14"])
def test_a_gene_by_its_number_is_named_by_the_change_or_refused(number: str) -> None:
    gene = part("48018-6", coded(number, system="urn:x"))
    change = part("48004-6", coded("NM_004333.6(BRAF):c.1799T>A", system=HGVS))
    assert variant(gene, change)[1].gene == "BRAF"
    with pytest.raises(Refused) as refused:
        variant(gene, part("48004-6", coded("NM_004333.6:c.1799T>A", system=HGVS)))
    assert (refused.value.reason, "send its HGNC symbol" in refused.value.detail) == (Reason.UNSUPPORTED, True)
    kept = [(one.modality, one.status) for one in refused.value.evidence]
    assert kept == [(Modality.GENOMIC, EvidenceStatus.UNREADABLE)]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(["(BRAF):c.1A>T", "(NRAS):p.Q61K"], id="two-names"),
        pytest.param(["NC_000007.14(NM_004333.6):c.1799T>A"], id="a-transcript-is-no-gene"),
    ],
)
def test_a_change_that_does_not_name_one_gene_names_none(parts: list[str]) -> None:
    changes = [part(code, coded(text, system=HGVS)) for code, text in zip(("48004-6", "48005-3"), parts, strict=False)]
    with pytest.raises(Refused):
        variant(part("48018-6", {"coding": [NUMBERED]}), *changes)


def test_of_two_genes_each_needs_its_symbol() -> None:
    with pytest.raises(Refused):
        variant(BRCA1, part("48018-6", {"coding": [NUMBERED]}), part("48004-6", {"text": "x(BRAF):c.1A>T"}))


@pytest.mark.parametrize(
    ("said", "value", "flag"),
    [
        pytest.param({"valueString": "MSI-H"}, 1.0, "msi-high", id="string"),
        pytest.param({"valueString": " msi  high "}, 1.0, "msi-high", id="however-it-is-spaced"),
        pytest.param({"valueCodeableConcept": {"text": "MSS"}}, 0.0, "msi-stable", id="text"),
        pytest.param({"valueCodeableConcept": {"text": "Stable"}}, 0.0, "msi-stable", id="stable"),
        pytest.param({"valueCodeableConcept": {"text": "MSI-L"}}, 0.5, "msi-low", id="low"),
        pytest.param(
            {"valueCodeableConcept": coded("C", system="urn:x", display="High")}, 1.0, "msi-high", id="display"
        ),
        pytest.param(
            {"valueCodeableConcept": coded("C", system="http://ncit", display="Microsatellite Instability-High")},
            *(1.0, "msi-high"),
            id="as-the-thesaurus-has-it",
        ),
        pytest.param({"valueCodeableConcept": coded("LA14122-8", display="MSI-H")}, 0.0, "msi-stable", id="code-first"),
    ],
)
def test_an_msi_status_is_read_in_the_words_that_mean_one_thing(said: dict[str, Any], value: float, flag: str) -> None:
    (token,) = read("81695-9", **said).tokens
    assert isinstance(token, VariantToken)
    assert (token.change, token.value, token.flags) == ("MSI", value, (flag,))


@pytest.mark.parametrize(
    "said",
    [
        *({"valueString": "not stable"}, {"valueString": "MSI"}, {"valueString": "positive"}, {"valueString": "dMMR"}),
        {"valueCodeableConcept": coded("C", system="urn:x", display="MSI-H") | {"text": "stable"}},
        {"valueCodeableConcept": coded("MSI-H", system="urn:x")},
    ],
)
def test_any_other_words_of_msi_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        read("81695-9", **said)
    assert (refused.value.reason, "send LA14122-8" in refused.value.detail) == (Reason.UNSUPPORTED, True)


SHARE = {"value": 0.42, "system": "http://unitsofmeasure.org", "code": "1"}


@pytest.mark.parametrize(
    ("said", "value", "flags"),
    [
        pytest.param(
            {"valueQuantity": SHARE, "interpretation": [coded("LA26203-2")]}, 1.0, ("msi-high",), id="a-share"
        ),
        pytest.param({"interpretation": [coded("LA14122-8")]}, 0.0, ("msi-stable",), id="no-value"),
        pytest.param({"valueQuantity": SHARE}, 0.42, (), id="not-interpreted"),
        pytest.param(
            {"valueQuantity": SHARE, "interpretation": [coded("H", system="urn:v3")]}, 0.42, (), id="of-a-range"
        ),
    ],
)
def test_a_number_of_msi_is_what_its_interpretation_says(said: dict[str, Any], value: float, flags: tuple[str]) -> None:
    """As the test data of Germany's Medical Informatics Initiative have it; 0.42 alone would be less than low."""
    (token,) = read("81695-9", **said).tokens
    assert isinstance(token, VariantToken)
    assert (token.value, token.flags) == (value, flags)


@pytest.mark.parametrize(
    "said",
    [
        {"valueQuantity": SHARE, "interpretation": [coded("LA26203-2"), coded("LA14122-8")]},
        {"valueString": "not high", "interpretation": [coded("LA26203-2")]},
    ],
)
def test_an_interpretation_does_not_settle_what_is_said_twice(said: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        read("81695-9", **said)
    assert refused.value.reason is Reason.UNSUPPORTED
