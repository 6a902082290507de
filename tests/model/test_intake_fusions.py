"""One variant in several genes: HL7's Genomics Reporting has as many `gene-studied` as there are."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
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


def read(*components: dict[str, Any]) -> tuple[Evidence, list[VariantToken]]:
    value = json.dumps(FUSION | {"component": components}).encode()
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
