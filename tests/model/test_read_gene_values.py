from pathlib import Path

import pytest

from model.readers.gene_values import GeneValue, read_gene_values
from schemas.errors import Reason, Refused

HEADER = "gene\tkind\tvalue\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "values.tsv"
    path.write_text(text)
    return path


def test_rows_are_read_as_they_stand(tmp_path: Path) -> None:
    rows = "TP53\texpression\t-1.25\nTP53\tcopy-number\t-2\n\nglucose\tmetabolite\t5e-3\n"
    assert read_gene_values(table(tmp_path, HEADER + rows)) == (
        GeneValue("TP53", "expression", -1.25),
        GeneValue("TP53", "copy-number", -2.0),
        GeneValue("glucose", "metabolite", 0.005),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("", "line 1: the header", id="empty"),
        pytest.param("TP53\texpression\t1\n", "line 1: the header", id="no-header"),
        pytest.param(HEADER, "without a row", id="no-rows"),
        pytest.param(HEADER + "TP53\texpression\n", "line 2: 2 columns", id="a-column-short"),
        pytest.param(HEADER + "TP53\tcolour\t1\n", "line 2: a kind", id="unknown-kind"),
        pytest.param(HEADER + "\texpression\t1\n", "line 2: a gene", id="no-gene"),
        pytest.param(HEADER + "TP53\texpression\thigh\n", "line 2: .*not a number", id="no-number"),
        pytest.param(HEADER + "TP53\texpression\tnan\n", "line 2: .*not finite", id="nan"),
        pytest.param(HEADER + "TP53\texpression\t1e999\n", "line 2: .*not finite", id="infinite"),
        pytest.param(HEADER + "TP53\tprotein\t1\nTP53\tprotein\t1\n", "line 3: .*already", id="twice"),
    ],
)
def test_a_broken_table_of_values_is_refused_with_its_line(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(Refused, match=found) as refusal:
        read_gene_values(table(tmp_path, text))
    assert refusal.value.reason is Reason.UNREADABLE_FILE


def test_more_rows_than_wanted_are_too_large(tmp_path: Path) -> None:
    path = table(tmp_path, HEADER + "".join(f"G{n}\texpression\t1\n" for n in range(11)))
    with pytest.raises(Refused) as refusal:
        read_gene_values(path, max_rows=10)
    assert refusal.value.reason is Reason.TOO_LARGE
    assert len(read_gene_values(path, max_rows=11)) == 11
