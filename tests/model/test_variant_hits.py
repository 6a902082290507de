"""A gene is hit by what was found: not by what was looked for and absent, nor by what the caller threw out."""

from datetime import UTC, datetime
from typing import Any

import pytest
import torch

from model.encoders.genomic import VariantEncoder
from model.encoders.variant_tokens import variant_features
from model.features import Batch
from schemas.evidence import Evidence, Modality, Origin, evidence
from schemas.tokens import VariantToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def variant(gene: str, **more: Any) -> VariantToken:
    return VariantToken(gene=gene, change=f"{gene}:p.V1A", assay="panel", at=NOON, **more)


def piece(*tokens: VariantToken) -> Evidence:
    origin = Origin(topic="t", partition=0, offset=0)
    known = {"patient": "p", "source": "s", "version": "1", "occurred_at": NOON, "origin": origin}
    return evidence(modality=Modality.GENOMIC, tokens=tokens, **known)


def batch(*tokens: VariantToken) -> Batch:
    return {name: torch.from_numpy(array) for name, array in variant_features([[piece(*tokens)]], 4).items()}


@pytest.mark.parametrize(
    ("more", "hit"),
    [
        pytest.param({}, True, id="found"),
        pytest.param({"vaf": 0.2, "depth": 100, "mutant_reads": 20}, True, id="with-reads"),
        pytest.param({"flags": ("germline",)}, True, id="of-the-germ-line"),
        pytest.param({"mutant_reads": 0, "depth": 900}, False, id="a-draw-without-a-read-of-it"),
        *(
            pytest.param({"flags": (flag,)}, False, id=flag)
            for flag in ("not-detected", "no-call", "indeterminate", "filtered", "benign")
        ),
    ],
)
def test_the_sum_over_genes_is_of_the_hits(more: dict[str, Any], hit: bool) -> None:
    torch.manual_seed(1)
    encoder = VariantEncoder(32)
    alone, both = (
        encoder.plain_sum(batch(variant("TP53"))),
        encoder.plain_sum(batch(variant("TP53"), variant("KRAS", **more))),
    )
    assert variant("KRAS", **more).is_hit is hit
    assert torch.equal(alone, both) is not hit


def test_a_hit_that_training_hides_is_none() -> None:
    encoder, seen = VariantEncoder(32), batch(variant("TP53"))
    hidden = seen | {"shown": torch.zeros_like(seen["shown"])}
    assert encoder.plain_sum(seen).any()
    assert not encoder.plain_sum(hidden).any()
