"""One variant in several genes: HL7's Genomics Reporting has as many `gene-studied` as there are."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from model.readers.consequences import SEVERITY
from model.readers.sequence_ontology import SO_TERMS
from model.table_columns import facts_of
from schemas.evidence import Evidence
from schemas.message import Message
from schemas.tokens import VariantToken

LOINC = "http://loinc.org"
FUSION: dict[str, Any] = {
    **{"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p1"}},
    **{"code": {"coding": [{"system": LOINC, "code": "69548-6"}]}, "effectiveDateTime": "2019-04-01"},
    "valueCodeableConcept": {"coding": [{"system": LOINC, "code": "LA9633-4"}]},
}


def part(code: str, *codings: dict[str, str], **more: Any) -> dict[str, Any]:
    concept = {"valueCodeableConcept": {"coding": list(codings)}} if codings else {}
    return {"code": {"coding": [{"system": LOINC, "code": code}]}, **concept, **more}


def gene(symbol: str) -> dict[str, Any]:
    return part("48018-6", {"system": "http://www.genenames.org", "code": "HGNC:1", "display": symbol})


def consequence(term: str) -> dict[str, Any]:
    return part("molecular-consequence", {"system": "http://www.sequenceontology.org", "code": "SO:1", "display": term})


def read(
    *components: dict[str, Any], without: tuple[str, ...] = (), **fields: Any
) -> tuple[Evidence, list[VariantToken]]:
    known = {name: field for name, field in FUSION.items() if name not in without}
    value = json.dumps(known | {"component": components} | fields).encode()
    sent = Message("fhir.observations", 0, 7, None, value, timestamp=datetime(2026, 6, 1, tzinfo=UTC))
    (one,) = read_observation(sent, ClinicalRules()).evidence
    return one, [token for token in one.tokens if isinstance(token, VariantToken)]


def test_a_fusion_is_a_variant_of_each_of_its_genes() -> None:
    share = {"valueQuantity": {"value": 20, "system": "http://unitsofmeasure.org", "code": "%"}}
    one, tokens = read(gene("BCR"), gene("ABL1"), consequence("gene_fusion"), part("81258-6", **share))
    said = [(token.gene, token.consequence, token.vaf) for token in tokens]
    assert said == [("BCR", "gene_fusion", 0.2), ("ABL1", "gene_fusion", 0.2)]
    assert facts_of([one], {}, []).genes == {"BCR", "ABL1"}


@pytest.mark.parametrize(
    ("components", "genes"),
    [
        pytest.param((gene("BCR"), gene("BCR")), ["BCR"], id="one-gene-twice"),
        pytest.param((gene("BCR"), part("48018-6")), ["BCR"], id="one-without-a-name"),
        pytest.param((), [""], id="none-named"),
    ],
)
def test_a_gene_counts_once_and_one_without_a_name_not(components: tuple[Any, ...], genes: list[str]) -> None:
    assert [token.gene for token in read(*components)[1]] == genes


def test_of_several_consequences_the_most_severe_counts() -> None:
    _, tokens = read(gene("TP53"), consequence("stop_gained"), consequence("intron_variant"))
    assert [token.consequence for token in tokens] == ["stop_gained"]


def test_a_gene_is_its_symbol_whichever_coding_has_it() -> None:
    ncbi, hgnc = {"system": "urn:ncbi", "code": "673"}, {"system": "urn:hgnc", "code": "HGNC:1097", "display": "BRAF"}
    _, tokens = read(part("48018-6", ncbi, hgnc))
    assert [token.gene for token in tokens] == ["BRAF"]


@pytest.mark.parametrize(
    ("coding", "expected"),
    [
        pytest.param({"code": "SO:0001583"}, "missense_variant", id="a-number-alone"),
        pytest.param({"code": "SO:0001589", "display": "Leserasterverschiebung"}, "frameshift_variant", id="in-german"),
        pytest.param({"code": "SO:0000865", "display": "frameshift"}, "frameshift", id="not-listed-is-as-said"),
    ],
)
def test_a_consequence_is_one_term_however_it_is_said(coding: dict[str, str], expected: str) -> None:
    _, tokens = read(
        gene("TP53"), part("molecular-consequence", {"system": "http://www.sequenceontology.org", **coding})
    )
    assert [token.consequence for token in tokens] == [expected]


def test_every_consequence_that_is_ranked_has_its_number() -> None:
    assert tuple(SO_TERMS.values()) == SEVERITY


@pytest.mark.parametrize(
    ("said", "genes"),
    [
        pytest.param({"interpretation": ["NEG"]}, set(), id="negative"),
        pytest.param({"interpretation": ["ND"]}, set(), id="not-detected"),
        pytest.param({"interpretation": ["IND"]}, set(), id="indeterminate"),
        pytest.param({"interpretation": ["POS"]}, {"BCR"}, id="positive"),
        pytest.param({"interpretation": ["A"]}, {"BCR"}, id="abnormal-is-no-call"),
        pytest.param({"interpretation": ["NEG"], "value": "LA9633-4"}, {"BCR"}, id="the-value-comes-first"),
    ],
)
def test_a_variant_without_a_value_was_found_as_its_interpretation_says(said: dict[str, Any], genes: set[str]) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    fields = {"interpretation": [{"coding": [{"system": system, "code": code}]} for code in said["interpretation"]]}
    one, _ = read(gene("BCR"), without=() if "value" in said else ("valueCodeableConcept",), **fields)
    assert facts_of([one], {}, []).genes == genes
