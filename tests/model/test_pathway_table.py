"""The bundled pathways are what their header says, and a user's table is read or refused by line."""

from pathlib import Path
from subprocess import run
from sys import executable
from zipfile import ZipFile

import networkx as nx
import pytest

from model.encoders import pathway_table
from model.encoders.pathway_table import BUNDLED, edges_among, read_pathways

PATHWAYS = ("Cell cycle", "HIPPO", "MYC", "NOTCH", "NRF2", "PI3K", "RTK-RAS", "TGF-beta", "WNT", "p53")
ROOT = Path(__file__).parents[2]


def test_the_bundled_table_is_ten_pathways_each_of_one_piece() -> None:
    rows = [line.split("\t") for line in BUNDLED.read_text().splitlines() if not line.startswith("#")][1:]
    assert {row[2] for row in rows} == set(PATHWAYS)
    genes = {gene for row in rows for gene in row[:2]}
    assert 300 <= len(genes) <= 350
    assert all(gene == gene.strip().upper() for gene in genes)
    for pathway in PATHWAYS:
        graph = nx.Graph((one, other) for one, other, name in rows if name == pathway)
        assert nx.is_connected(graph), pathway
    assert len(read_pathways()) == len(rows)  # no edge is there twice


@pytest.mark.parametrize(
    "edge",
    ["CDK4 RB1", "MAX MYC", "KEAP1 NFE2L2", "MDM2 TP53", "BRAF KRAS", "APC CTNNB1", "LATS1 YAP1", "SMAD3 TGFBR1"],
)
def test_the_bundled_table_has_what_every_textbook_draws(edge: str) -> None:
    assert tuple(edge.split()) in read_pathways()


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        pytest.param("gene_a\tgene_b\nB\tA\n", (("A", "B"),), id="two-columns"),
        pytest.param("# note\n\ngene_a\tgene_b\tpathway\nA\tB\tx\nC\tB\ty\n", (("A", "B"), ("B", "C")), id="three"),
        pytest.param("gene_a\tgene_b\nA\tB\nB\tA\nA\tB\n", (("A", "B"),), id="both-ways-is-once"),
        pytest.param("gene_a\tgene_b\r\nA\tB\r\n", (("A", "B"),), id="windows"),
    ],
)
def test_a_users_table_is_read(tmp_path: Path, text: str, edges: tuple[tuple[str, str], ...]) -> None:
    (tmp_path / "t.tsv").write_text(text, newline="")
    assert read_pathways(tmp_path / "t.tsv") == edges


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"A\tB\n", "line 1: no header; begin with gene_a", id="no-header"),
        pytest.param(b"", "line 1: no header", id="empty"),
        pytest.param(b"gene_a\tgene_b\n", "without an edge; add", id="no-edge"),
        pytest.param(b"gene_a\tgene_b\nA\tB\tx\n", "line 2: 3 columns where the header has 2; put", id="columns"),
        pytest.param(b"gene_a\tgene_b\n#\n\nA\t \n", "line 4: an empty gene; name", id="empty-gene"),
        pytest.param(b"gene_a\tgene_b\nA\tB\nA\tA\n", "line 3: a gene with itself; remove", id="loop"),
        pytest.param(b"gene_a\tgene_b\n\xff\tB\n", "not UTF-8 text; save", id="not-text"),
    ],
)
def test_a_wrong_table_is_refused_with_line_and_remedy(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_pathways(tmp_path / "t.tsv")


def test_a_table_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"No such file.*; name a table"):
        read_pathways(tmp_path / "none.tsv")


def test_only_edges_among_the_genes_that_are_read_are_kept() -> None:
    edges = (("A", "B"), ("A", "C"), ("MET", "X"))
    assert edges_among(edges, ("expression:A", "mutation:B", "metabolite:MET", "protein:X")) == (("A", "B"),)


def test_too_many_edges_are_refused_before_they_cost_memory() -> None:
    names = [f"G{number:03}" for number in range(202)]
    edges = tuple((one, other) for one in names for other in names if one < other)
    assert len(edges) > pathway_table.MOST_EDGES
    with pytest.raises(ValueError, match="keep the stronger ones"):
        edges_among(edges, [f"expression:{name}" for name in names])


@pytest.mark.slow
def test_the_wheel_carries_the_table(tmp_path: Path) -> None:
    command = [executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as packed:
        assert packed.read("model/encoders/pathways.tsv") == BUNDLED.read_bytes()
