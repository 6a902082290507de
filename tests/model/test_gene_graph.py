"""Gene values: linear scores first, then a graph in which a gene hears its neighbours, and no row hears another."""

import json
from collections.abc import Sequence
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from torch import Tensor

from model.arrival import MolecularEncoder, load_encoders
from model.encoders.gene_graph import LINEAR, GeneEncoder, linear_columns
from model.encoders.gene_names import counted, node_of, shares
from model.encoders.pathway_table import edges_among, read_pathways
from model.network import network_of
from model.readers.gene_values import GeneValue
from model.statistics import choose_genes
from model.untrained import untrained_manifest, write_untrained

PATH = (("A", "B"), ("B", "C"), ("C", "D"), ("D", "E"))
GENES = (*(f"expression:{name}" for name in "ABCDEF"), "metabolite:A", "mutation:A", "mutation:F")


def encoder_of(genes: Sequence[str], pathways: tuple[tuple[str, str], ...], width: int = 64) -> GeneEncoder:
    torch.manual_seed(3)
    encoder = GeneEncoder(genes, pathways, width).eval().requires_grad_(False)
    encoder.components.normal_()
    return encoder


def rows_of(count: int, genes: Sequence[str], seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (count, len(genes))
    return torch.randn(shape, generator=generator), torch.rand(shape, generator=generator) < 0.8


@pytest.mark.parametrize("gene", GENES)
def test_a_value_reaches_the_genes_within_two_interactions_and_no_other(gene: str) -> None:
    graph, nodes = encoder_of(GENES, PATH).graph, sorted(set(map(node_of, GENES)))
    values, measured = torch.zeros(1, len(GENES)), torch.ones(1, len(GENES), dtype=torch.bool)
    before = graph.states(values, measured)
    values[0, GENES.index(gene)] = 2.0
    moved = (graph.states(values, measured) - before).abs().amax(-1)[0] > 1e-6
    net = nx.Graph(PATH)
    net.add_nodes_from(nodes)
    near = nx.single_source_shortest_path_length(net, node_of(gene), cutoff=2)
    assert {node for node, has_moved in zip(nodes, moved.tolist(), strict=True) if has_moved} == set(near)


@pytest.mark.parametrize("layer", [0, 1])
def test_a_layer_is_the_attention_of_its_paper(layer: int) -> None:
    graph = encoder_of(GENES, PATH).graph
    conv, nodes = graph.layers[layer], len(set(map(node_of, GENES)))
    state = torch.randn(nodes, 32, generator=torch.Generator().manual_seed(1))
    joined = torch.eye(nodes, dtype=torch.bool)
    joined[graph.edges[0], graph.edges[1]] = True
    source, target = conv.lin_l(state).view(nodes, 2, 16), conv.lin_r(state).view(nodes, 2, 16)
    pair = torch.nn.functional.leaky_relu(target[:, None] + source[None, :], 0.2)  # (N, N, heads, 16): i hears j
    score = (pair * conv.att).sum(-1).masked_fill(~joined[..., None], -torch.inf).softmax(1)
    expected = torch.einsum("ijh,jhc->ihc", score, source).flatten(1) + conv.bias
    torch.testing.assert_close(conv(state, graph.edges), expected)


@pytest.mark.parametrize("place", range(8))
def test_a_row_gives_the_same_bytes_whatever_its_neighbours(place: int) -> None:
    genes = [f"expression:{gene}" for gene in sorted({gene for edge in read_pathways() for gene in edge})]
    encoder = encoder_of(genes, edges_among(read_pathways(), genes), 128)
    values, measured = rows_of(16, genes)
    order = [9, 10, 11, 12, 13, 14, 15, 9]
    order[place] = 3
    together, apart = encoder(values[:8], measured[:8]), encoder(values[order], measured[order])
    assert torch.equal(apart[place], together[3])


def test_what_was_not_measured_can_be_anything() -> None:
    encoder = encoder_of(GENES, PATH)
    values, measured = rows_of(8, GENES)
    assert torch.equal(encoder(values, measured), encoder(values.masked_fill(~measured, 1e30), measured))


def test_a_gene_at_its_mean_is_not_a_gene_that_was_not_measured() -> None:
    encoder = encoder_of(GENES, PATH)
    values, all_there = torch.zeros(1, len(GENES)), torch.ones(1, len(GENES), dtype=torch.bool)
    without = all_there.clone()
    without[0, 2] = False
    linear = encoder.components.shape[1]
    shown, hidden = encoder(values, all_there), encoder(values, without)
    assert torch.equal(shown[:, :linear], hidden[:, :linear])
    assert not torch.equal(shown[:, linear:], hidden[:, linear:])
    states = [encoder.graph.states(values, measured) for measured in (all_there, without)]
    assert not torch.equal(*states)


def test_the_first_numbers_are_linear_in_the_values_and_the_rest_are_not() -> None:
    encoder = encoder_of(GENES, PATH)
    one, other = rows_of(4, GENES)[0], rows_of(4, GENES, seed=1)[0]
    measured = torch.ones_like(one, dtype=torch.bool)
    middle = (encoder(one, measured) + encoder(other, measured)) / 2
    found = encoder((one + other) / 2, measured)
    torch.testing.assert_close(found[:, :LINEAR], middle[:, :LINEAR])
    assert (found[:, LINEAR:] - middle[:, LINEAR:]).abs().max() > 0.01


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        pytest.param({"expression": 99, "copy-number": 99, "mutation": 99}, (4, 16, 4), id="tcga"),
        pytest.param({"expression": 99}, (24,), id="one-kind-has-all"),
        pytest.param({"expression": 99, "mutation": 2}, (22, 2), id="none-more-than-it-has"),
        pytest.param({"mutation": 3}, (3,), id="few"),
        pytest.param({}, (), id="none"),
    ],
)
def test_the_linear_columns_are_shared_between_the_kinds(kinds: dict[str, int], expected: tuple[int, ...]) -> None:
    genes = sorted(f"{kind}:G{number}" for kind, count in kinds.items() for number in range(count))
    columns = linear_columns(genes, 128)
    assert list(columns) == sorted(kinds)
    assert tuple(one.stop - one.start for one in columns.values()) == expected
    assert [place for one in columns.values() for place in range(one.start, one.stop)] == list(range(sum(expected)))


@pytest.mark.parametrize("total", [0, 1, 7, 24, 100])
def test_shares_give_all_there_is_to_give(total: int) -> None:
    available = {"expression": 30, "protein": 3, "mutation": 9}
    assert sum(shares(available, total).values()) == min(total, 42)


def test_no_kind_takes_the_whole_list_and_pathway_genes_come_first() -> None:
    rng = np.random.default_rng(0)
    sources = [
        {f"expression:G{gene}": float(rng.normal(0, 9)) for gene in range(60)}
        | {f"mutation:G{gene}": float(rng.integers(2)) for gene in range(5)}
        | {"expression:TP53": float(rng.normal(0, 0.1))}
        | ({"expression:rare": 100.0 * number} if number < 4 else {})
        for number in range(9)
    ]
    chosen = choose_genes(sources, 20, {"TP53", "rare"})
    assert counted(chosen) == {"expression": 16, "mutation": 4}
    assert "expression:TP53" in chosen
    assert "expression:TP53" not in choose_genes(sources, 20)
    assert "expression:rare" not in choose_genes(sources, 999, {"rare"})
    assert chosen == tuple(sorted(chosen))


def test_a_network_without_genes_gives_the_same_vector_for_any_values() -> None:
    draft = untrained_manifest().model_copy(update={"genes": (), "pathways": ()})
    encoder = MolecularEncoder(network_of(draft, seed=1), draft)
    one, other = (encoder.encode_genes([GeneValue("TP53", "expression", value)]) for value in (0.0, 3.0))
    assert one == other
    assert np.isfinite(one.unpack()).all()


def test_a_manifest_with_other_pathways_than_the_encoder_was_trained_on_is_not_read(tmp_path: Path) -> None:
    write_untrained(tmp_path, seed=5)
    values = [GeneValue("EGFR", "expression", 1.5)]
    draft = untrained_manifest()
    fresh = MolecularEncoder(network_of(draft, seed=5), draft)
    assert load_encoders(tmp_path)[1].encode_genes(values) == fresh.encode_genes(values)
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    manifest["pathways"] = [["EGFR", "TP53"]]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="train again"):
        load_encoders(tmp_path)


def test_pathways_of_genes_that_are_not_read_are_refused() -> None:
    with pytest.raises(ValueError, match="1 genes of the pathways are not read"):
        encoder_of(("expression:A",), (("A", "B"),))
