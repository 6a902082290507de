"""A test patient who is shown some blocks alone shows nothing else: no code, vector or variant outside of them."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import torch

from model.encoders.arrived import encoder_ids
from model.evaluation.masking import shown_alone
from model.examples import Examples, Roles, examples_of
from model.labels import Labels
from model.network import MODALITIES
from model.untrained import untrained_manifest
from schemas.evidence import Modality, Origin, Vector, evidence
from schemas.picture import View
from schemas.table import Block, Table
from schemas.tokens import ObservationToken, VariantToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BLOOD, AGE = (Block(name=code, modality=Modality.CLINICAL, codes=(code,)) for code in ("blood", "age"))
REST, HITS = Block(name="rest", modality=Modality.CLINICAL), Block(name="hits", modality=Modality.GENOMIC)
SCORE = Block(name="score", modality=Modality.GENOMIC, codes=("score",))


def told(code: str) -> ObservationToken:
    return ObservationToken(code=code, value=1.0, at=NOON)


def examples(table: Table) -> Examples:
    """One patient with blood, age and a diagnosis code; a score, a variant of ctDNA and a gene vector."""
    hit = VariantToken(gene="TP53", change="c", assay="ctdna", depth=900, vaf=0.1, at=NOON)
    draft = untrained_manifest().model_copy(
        update={"table": table, "encoders": dict.fromkeys(encoder_ids({"uni-512": 512}), "w")}
    )
    vector = Vector.pack("genomic/genes", "w", np.ones(draft.sizes.width, np.float32))
    origin = Origin(topic="t", partition=0, offset=0)
    common = {"patient": "p", "source": "s", "version": "1", "occurred_at": NOON, "origin": origin}
    seen = evidence(modality=Modality.CLINICAL, tokens=map(told, ("blood", "age", "icd")), **common)
    found = evidence(modality=Modality.GENOMIC, tokens=(told("score"), hit), vectors=(vector,), **common)
    nothing, one = torch.zeros(1, 1, len(draft.tasks.edges_days)), torch.ones(1, dtype=torch.bool)
    labels = Labels(torch.zeros(1).long(), torch.tensor([-1]), torch.zeros(1), nothing, nothing)
    return examples_of({"p": View((seen, found), {})}, labels, Roles(one, ~one), draft, 1)


@pytest.mark.parametrize(
    ("blocks", "kept", "tokens", "others"),
    [
        pytest.param((BLOOD, AGE, HITS), ("blood",), 1, 0, id="what-no-block-names-goes"),
        pytest.param((BLOOD, AGE, REST, HITS), ("blood",), 1, 0, id="the-block-of-the-rest-goes"),
        pytest.param((BLOOD, AGE, REST, HITS), ("rest",), 1, 0, id="the-block-of-the-rest-alone"),
        pytest.param((BLOOD, AGE, REST, HITS), ("age", "rest", "hits"), 2, 3, id="two-blocks"),
        pytest.param((BLOOD, AGE, SCORE, HITS), ("age", "score"), 1, 0, id="a-code-beside-variants-and-vectors"),
        pytest.param((REST, HITS), ("rest", "hits"), 3, 3, id="all-there-is"),
    ],
)
def test_nothing_but_the_kept_blocks_is_shown(
    blocks: tuple[Block, ...], kept: tuple[str, ...], tokens: int, others: int
) -> None:
    table = Table(blocks=blocks)
    shown = shown_alone(examples(table), table, kept)
    genomic = shown.features[Modality.GENOMIC]
    assert int(shown.features[Modality.CLINICAL]["present"].sum()) == tokens
    assert sum(int(genomic[name].sum()) for name in ("arrived", "shown", "drawn")) == others
    of_kept = {block.modality for block in blocks if block.name in kept}
    assert shown.present.tolist() == [[modality in of_kept for modality in MODALITIES]]


def test_all_blocks_together_show_all_that_blocks_name() -> None:
    table = Table(blocks=(REST, HITS))
    whole = examples(table)
    shown = shown_alone(whole, table, ("rest", "hits"))
    for modality, batch in whole.features.items():
        assert all(torch.equal(tensor, shown.features[modality][name]) for name, tensor in batch.items())
    assert replace(shown, features=whole.features, present=whole.present) == whole
