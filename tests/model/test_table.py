"""The tabular view: newest value a code, derived columns by rule, and only what training patients support."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from model.encoders.clinical_tokens import newest_observations
from model.table_columns import Facts, TableReader, facts_of, reader_of
from model.table_fit import default_blocks, resolve, rows_of
from model.tabular import Tabular
from schemas.evidence import Evidence, Modality, Origin, evidence
from schemas.table import Block, Column, Given, Table
from schemas.tokens import ObservationToken, VariantToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEUTROPHILS, LYMPHOCYTES, HB, SEX = "l|neut", "l|lymph", "l|hb", "l|sex"


def said(code: str, value: float | None = None, answer: str = "", days: int = 0, flag: str = "") -> ObservationToken:
    flags = (flag,) if flag else ()
    return ObservationToken(code=code, value=value, answer=answer, at=NOON - timedelta(days=days), flags=flags)


def piece(tokens: Sequence[ObservationToken | VariantToken], modality: Modality = Modality.CLINICAL) -> Evidence:
    origin = Origin(topic="t", partition=0, offset=0)
    return evidence(
        patient="p", modality=modality, source="s", version="1", occurred_at=NOON, origin=origin, tokens=tokens
    )


def clinical(*tokens: ObservationToken) -> Facts:
    pieces = [piece(tokens)]
    return facts_of(pieces, {}, newest_observations(pieces, 64))


COUNTS = (said(NEUTROPHILS, 6.0), said(LYMPHOCYTES, 2.0), said(HB, 11.0, flag="below-range"), said(SEX, answer="m"))
MALE = (Given(code=SEX, answer="m"),)
FEMALE = (Given(code=SEX, answer="f"),)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(Column(form="value", codes=(HB,)), 11.0, id="value"),
        pytest.param(Column(form="log", codes=(HB,)), math.log(11), id="log"),
        pytest.param(Column(form="log", codes=(HB,), at=20.0), math.log(20), id="log-of-no-less-than-its-floor"),
        pytest.param(
            Column(form="log-ratio", codes=(NEUTROPHILS,), over=(LYMPHOCYTES,)), math.log(3), id="a-ratio-of-two"
        ),
        pytest.param(Column(form="log-ratio", codes=(NEUTROPHILS,), over=("l|none",)), None, id="half-a-ratio-is-none"),
        pytest.param(Column(form="hinge-above", codes=(HB,), at=10), 1.0, id="above-the-hinge"),
        pytest.param(Column(form="hinge-below", codes=(HB,), at=10), 0.0, id="not-below-the-hinge"),
        pytest.param(Column(form="capped", codes=(HB,), at=4), 4.0, id="capped"),
        pytest.param(Column(form="below", codes=(HB,), at=13.5, given=MALE), 1.0, id="below-the-cut-off-of-men"),
        pytest.param(
            Column(form="below", codes=(HB,), at=12, given=FEMALE), 0.0, id="the-cut-off-of-others-is-not-met"
        ),
        pytest.param(
            Column(form="below", codes=(HB,), at=12, given=(Given(code="l|none", answer="m"),)),
            None,
            id="a-condition-nobody-knows",
        ),
        pytest.param(Column(form="answer", codes=(SEX,), answer="m"), 1.0, id="this-answer"),
        pytest.param(Column(form="answer", codes=(SEX,), answer="f"), 0.0, id="another-answer"),
        pytest.param(Column(form="answer", codes=("l|none",), answer="f"), None, id="never-asked"),
        pytest.param(Column(form="flag", codes=(HB,), answer="below-range"), 1.0, id="flagged"),
        pytest.param(Column(form="flag", codes=(NEUTROPHILS,), answer="below-range"), 0.0, id="not-flagged"),
        pytest.param(Column(form="gene", codes=("TP53",)), None, id="no-sequencing-is-no-zero"),
    ],
)
def test_a_column_is_what_its_form_says(column: Column, expected: float | None) -> None:
    found = reader_of(column)(clinical(*COUNTS))
    assert found == (None if expected is None else pytest.approx(expected))


def test_the_newest_value_of_a_code_counts_and_an_empty_one_does_not() -> None:
    tokens = (said(HB, 9.0, days=30), said(HB, 12.0, days=1), said(HB, None, days=0))
    assert reader_of(Column(form="value", codes=(HB,)))(clinical(*tokens)) == 12.0


def test_a_ratio_with_nothing_below_the_line_is_absent() -> None:
    ratio = reader_of(Column(form="log-ratio", codes=(NEUTROPHILS,), over=(LYMPHOCYTES,)))
    assert ratio(clinical(said(NEUTROPHILS, 6.0), said(LYMPHOCYTES, 0.0))) is None


def test_a_gene_without_reads_or_without_a_call_is_not_hit() -> None:
    variants = [
        VariantToken(gene="TP53", change="a", mutant_reads=9, at=NOON),
        VariantToken(gene="KRAS", change="b", mutant_reads=0, at=NOON),
        VariantToken(gene="EGFR", change="c", flags=("no-call",), at=NOON),
    ]
    facts = facts_of([piece(variants, Modality.GENOMIC)], {}, [])
    hit = [reader_of(Column(form="gene", codes=(gene,)))(facts) for gene in ("TP53", "KRAS", "EGFR")]
    assert hit == [1.0, 0.0, 0.0]


def test_what_too_few_patients_have_gives_no_column() -> None:
    patients = [clinical(said(HB, 10.0 + n), said(SEX, answer="m" if n % 2 else "f")) for n in range(20)]
    patients[0] = clinical(said(HB, 5.0), said(SEX, answer="m"), said("l|rare", 1.0), said("l|odd", answer="x"))
    table = resolve([Block(name="all", modality=Modality.CLINICAL)], known(patients))
    assert [column for _, column in table.columns] == [
        Column(form="value", codes=(HB,)),
        Column(form="answer", codes=(SEX,), answer="f"),
    ]


def test_a_block_takes_its_own_codes_and_another_takes_the_rest() -> None:
    patients = [clinical(said(HB, 10.0 + n % 7), said(LYMPHOCYTES, 1.0 + n % 5)) for n in range(20)]
    blocks = (
        Block(name="red", modality=Modality.CLINICAL, codes=(HB,), numbers="log", squares=True),
        Block(name="rest", modality=Modality.CLINICAL),
    )
    table = resolve(blocks, known(patients))
    assert table.columns == (
        (0, Column(form="log", codes=(HB,), at=5.0)),
        (1, Column(form="value", codes=(LYMPHOCYTES,))),
        (0, Column(form="square", place=0)),
    )
    only_rest = TableReader(table, Modality.CLINICAL).read([clinical(said(LYMPHOCYTES, 1.0))])
    assert only_rest["block"].tolist() == [[False, True]]
    assert only_rest["measured"].tolist() == [[False, True, False]]


def test_scores_are_deviations_of_the_training_rows_and_absence_is_zero() -> None:
    rng = np.random.default_rng(0)
    patients = [clinical(said(HB, float(value))) for value in rng.normal(12, 2, 200)]
    patients += [clinical(said(SEX, answer="m"))] * 20
    table = resolve([Block(name="all", modality=Modality.CLINICAL, squares=True)], known(patients))
    numbers, measured = rows_of(table, known(patients))
    tabular = Tabular(table)
    tabular.learn(numbers, measured)
    scores = tabular({"column": torch.from_numpy(numbers), "measured": torch.from_numpy(measured)})
    assert scores[200:].abs().max() == 0
    for column in scores[:200].T:
        assert float(column.mean()) == pytest.approx(0, abs=0.05)
        assert float(column.std()) == pytest.approx(1, abs=0.05)
    plain, squared = scores[:200].T
    wanted = plain.clamp(-3, 3).square()
    assert torch.corrcoef(torch.stack((wanted, squared)))[0, 1] == pytest.approx(1, abs=1e-5)


def test_without_rules_each_modality_is_a_block() -> None:
    blocks = default_blocks({"imaging/cnn": 8, "genomic/sequence": 0})
    assert [(block.name, block.vectors, block.genes) for block in blocks] == [
        ("clinical", {}, False),
        ("imaging", {"imaging/cnn": 8}, False),
        ("genomic", {}, True),
    ]


def test_a_table_is_the_same_after_json() -> None:
    table = Table(blocks=default_blocks({}), columns=((0, Column(form="flag", codes=(HB,), answer="below-range")),))
    assert Table.model_validate_json(table.model_dump_json()) == table


def known(patients: list[Facts]) -> dict[Modality, list[Facts]]:
    nothing = facts_of([], {}, [])
    return {m: patients if m is Modality.CLINICAL else [nothing] * len(patients) for m in Modality}
