import gzip
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from model.readers.maf import read_maf
from model.readers.variants import Variants
from schemas.errors import Reason, Refused

LAML = Path(__file__).parents[3] / "shared" / "data" / "laml" / "tcga_laml.maf.gz"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HEADER = (
    "Hugo_Symbol\tChromosome\tStart_Position\tVariant_Classification\tReference_Allele\tTumor_Seq_Allele2\t"
    "Tumor_Sample_Barcode\tt_alt_count\tt_depth\tHGVSp_Short\tFILTER"
)
KRAS = "KRAS\t12\t25398284\tMissense_Mutation\tC\tT\ts-17\t10\t40\tp.G12D\tPASS"
needs_laml = pytest.mark.skipif(not LAML.is_file(), reason="no ../shared/data/laml beside the project")


def read(path: Path, specimen: str = "s-17", max_variants: int = 256) -> Variants:
    return read_maf(path, at=NOON, assay="wes", specimen=specimen, max_variants=max_variants)


def maf(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "one.maf"
    path.write_text("\n".join(("#version 2.4", header, *rows)) + "\n")
    return path


@needs_laml
@pytest.mark.parametrize("specimen", ["TCGA-AB-2988", "TCGA-AB-2869", "TCGA-AB-3009"])
def test_a_real_specimen_has_the_rows_that_pandas_finds(specimen: str) -> None:
    table = pd.read_csv(LAML, sep="\t", comment="#", dtype=str)
    rows = table[table["Tumor_Sample_Barcode"] == specimen]
    found = read(LAML, specimen)
    assert len(rows) > 3
    assert found.flags == ()
    assert sorted(token.gene for token in found.tokens) == sorted(rows["Hugo_Symbol"])
    expected = sorted(rows["i_TumorVAF_WU"].dropna().astype(float) / 100)
    assert sorted(token.vaf for token in found.tokens if token.vaf is not None) == pytest.approx(expected)
    proteins = set(rows["Hugo_Symbol"] + ":" + rows["Protein_Change"].replace({".": None})) - {float("nan")}
    assert {str(one) for one in proteins if isinstance(one, str)} <= {token.change for token in found.tokens}


@needs_laml
def test_a_cohort_file_without_the_specimen_is_refused_and_names_nobody() -> None:
    with pytest.raises(Refused) as refusal:
        read(LAML, "s-17")
    assert refusal.value.reason is Reason.TWO_PATIENTS
    assert "TCGA" not in refusal.value.detail


@needs_laml
def test_more_variants_than_wanted_are_cut_most_severe_first() -> None:
    whole, cut = read(LAML, "TCGA-AB-3009"), read(LAML, "TCGA-AB-3009", max_variants=2)
    assert cut.tokens == whole.tokens[:2]
    assert cut.flags == ("truncated",)


def test_reads_give_the_fraction_and_hgvs_the_change(tmp_path: Path) -> None:
    (token,) = read(maf(tmp_path, KRAS)).tokens
    assert (token.gene, token.change, token.consequence) == ("KRAS", "KRAS:p.G12D", "missense_variant")
    assert (token.mutant_reads, token.depth, token.vaf) == (10, 40, 0.25)


def test_without_a_protein_change_the_place_names_the_variant(tmp_path: Path) -> None:
    (token,) = read(maf(tmp_path, KRAS.replace("p.G12D", ".").replace("PASS", "t_lod"))).tokens
    assert (token.change, token.flags) == ("chr12:25398284:C>T", ("filtered",))


def test_the_allele_that_is_not_the_reference_names_the_variant(tmp_path: Path) -> None:
    """Some write the mutant one first: the change was from C to C."""
    row = KRAS.replace("p.G12D", ".").replace("C\tT", "C\tC") + "\tT"
    (token,) = read(maf(tmp_path, row, header=f"{HEADER}\tTumor_Seq_Allele1")).tokens
    assert token.change == "chr12:25398284:C>T"


@pytest.mark.parametrize(
    ("classification", "consequence", "flags"),
    [
        pytest.param("Start_Codon_SNP", "start_lost", (), id="of-oncotator"),
        pytest.param("Fusion", "gene_fusion", (), id="of-cbioportal"),
        pytest.param("Targeted_Region", "", ("annotation-unread",), id="not-known"),
        pytest.param(".", "", (), id="not-said"),
    ],
)
def test_a_classification_that_is_not_read_is_flagged(
    tmp_path: Path, classification: str, consequence: str, flags: tuple[str, ...]
) -> None:
    found = read(maf(tmp_path, KRAS.replace("Missense_Mutation", classification)))
    assert ([token.consequence for token in found.tokens], found.flags) == ([consequence], flags)


def test_one_other_barcode_alone_is_read_and_said_to_be_assumed(tmp_path: Path) -> None:
    found = read(maf(tmp_path, KRAS), specimen="another-name")
    assert (len(found.tokens), found.flags) == (1, ("sample-assumed",))


def test_rows_of_others_are_left_out(tmp_path: Path) -> None:
    other = KRAS.replace("s-17", "s-99").replace("KRAS", "TP53")
    found = read(maf(tmp_path, other, KRAS, other))
    assert [token.gene for token in found.tokens] == ["KRAS"]


def test_counts_are_read_as_pandas_writes_them_beside_gaps(tmp_path: Path) -> None:
    rows = KRAS.replace("\t10\t40\t", "\t10.0\t40.0\t"), KRAS.replace("\t10\t40\t", "\tnan\tNaN\t")
    found = read(maf(tmp_path, *rows)).tokens
    assert {(token.mutant_reads, token.depth) for token in found} == {(10, 40), (None, None)}


def test_no_rows_are_no_variants(tmp_path: Path) -> None:
    assert read(maf(tmp_path)) == Variants(())


@pytest.mark.parametrize(
    ("rows", "header", "found"),
    [
        pytest.param((KRAS,), HEADER.replace("Chromosome", "Where"), "line 2: .*chromosome", id="a-column-is-missing"),
        pytest.param((KRAS + "\tmore",), HEADER, "line 3: 12 columns", id="a-row-is-too-long"),
        pytest.param((KRAS.replace("\t10\t", "\tten\t"),), HEADER, "line 3: t_alt_count", id="no-count"),
        pytest.param((KRAS.replace("s-17", ""),), HEADER, "line 3: an empty", id="no-barcode"),
        pytest.param((), "", "without a header", id="no-header"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(
    tmp_path: Path, rows: tuple[str, ...], header: str, found: str
) -> None:
    with pytest.raises(Refused, match=found) as refusal:
        read(maf(tmp_path, *rows, header=header))
    assert refusal.value.reason is Reason.UNREADABLE_FILE


def test_a_cut_off_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.maf.gz"
    path.write_bytes(gzip.compress(maf(tmp_path, KRAS).read_bytes())[:-9])
    with pytest.raises(Refused, match="cut off"):
        read(path)
