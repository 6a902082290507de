"""Gene values to a vector: principal components as they are, beside graph attention over gene interactions."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.encoders.gene_names import counted, kind_of, node_of, shares
from model.encoders.pathway_table import Edges
from model.encoders.pooling import AttentionPool

LINEAR = 24
"""The first so many numbers of a gene vector are linear in the standardised values (fewer in a narrow network)."""
_CLIP = 5.0


def linear_width(width: int) -> int:
    """How many numbers of a gene vector (D,) are linear: LINEAR, and never more than half."""
    return min(LINEAR, width // 2)


def linear_columns(genes: Sequence[str], width: int) -> dict[str, slice]:
    """Which columns of a gene vector (D,) are principal components of which kind: 16, 4, 4 for TCGA's three kinds."""
    columns, start = {}, 0
    for kind, count in shares(counted(genes), linear_width(width)).items():
        columns[kind] = slice(start, start + count)
        start += count
    return columns


class GeneEncoder(nn.Module):
    """Gene values over the manifest's list of G names: values (B, G), measured (B, G) bool -> (B, D).

    Linear scores first (`linear_columns`), then what the graph says. A gene that was not measured counts as its mean
    in the scores; the graph is told that it was not measured. Buffers hold what is learnt of the training rows.
    """

    mean: Tensor
    scale: Tensor
    components: Tensor

    def __init__(self, genes: Sequence[str], pathways: Edges, width: int) -> None:
        super().__init__()
        linear = linear_width(width)
        self.register_buffer("mean", torch.zeros(len(genes)))
        self.register_buffer("scale", torch.ones(len(genes)))
        """1 / standard deviation."""
        self.register_buffer("components", torch.zeros(len(genes), linear))
        """(G, L): loadings, scaled to scores of variance 1 in training; 0 outside a column's own kind."""
        self.graph = GeneGraph(genes, pathways, width - linear)

    def standardise(self, values: Tensor, measured: Tensor) -> Tensor:
        """Values (B, G) as deviations from the training mean, within 5 of it; 0 where not measured."""
        return ((values - self.mean) * self.scale).clamp(-_CLIP, _CLIP).masked_fill(~measured, 0.0)

    def forward(self, values: Tensor, measured: Tensor) -> Tensor:
        """values (B, G), measured (B, G) -> (B, D)."""
        scores = self.standardise(values, measured)
        return torch.cat((scores @ self.components, self.graph(scores, measured)), dim=-1)


class GeneGraph(nn.Module):
    """Graph attention (GATv2, Brody et al. 2022) over N genes, each with all its kinds K, and a pool over the measured.

    A gene's numbers enter through weights that all genes share, times a gain of its own, plus a mark of its own.
    Genes outside every pathway hear only themselves. scores (B, G), measured (B, G) bool -> (B, D).
    """

    edges: Tensor
    slots: Tensor

    def __init__(self, genes: Sequence[str], pathways: Edges, width: int, hidden: int = 32, heads: int = 2) -> None:
        super().__init__()
        nodes, kinds = sorted(set(map(node_of, genes))), list(counted(genes))
        places = [nodes.index(node_of(name)) * len(kinds) + kinds.index(kind_of(name)) for name in genes]
        self.shape = (len(nodes), len(kinds))
        # both follow from the manifest, whose genes and pathways are part of the encoder's hash
        self.register_buffer("slots", torch.tensor(places, dtype=torch.int64), persistent=False)
        self.register_buffer("edges", edge_index(nodes, pathways), persistent=False)
        self.enter = nn.Linear(2 * len(kinds), hidden)
        self.gain = nn.Parameter(torch.randn(len(nodes), hidden))
        self.mark = nn.Parameter(torch.randn(len(nodes), hidden) * 0.1)
        self.layers = nn.ModuleList(_layers(hidden, heads, 2 if nodes else 0))
        self.norms = nn.ModuleList([nn.LayerNorm(hidden) for _ in self.layers])
        self.pool = AttentionPool(hidden, hidden)
        self.leave = nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)

    def forward(self, scores: Tensor, measured: Tensor) -> Tensor:
        """scores (B, G), measured (B, G) -> (B, D)."""
        pooled = self.pool(self.states(scores, measured), self._by_node(measured).any(-1))
        result: Tensor = self.norm(self.leave(pooled))
        return result

    def states(self, scores: Tensor, measured: Tensor) -> Tensor:
        """scores (B, G), measured (B, G) -> (B, N, H): each node after two steps along the edges."""
        told = torch.cat((self._by_node(scores), self._by_node(measured).to(scores.dtype)), -1)  # (B, N, 2 K)
        state: Tensor = (self.enter(told) * self.gain + self.mark).flatten(0, 1)  # (B N, H): no edge between two copies
        edges = self._copies(len(scores))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            state = state + nn.functional.gelu(layer(norm(state), edges))
        return state.view(len(scores), len(self.gain), state.shape[-1])

    def _by_node(self, values: Tensor) -> Tensor:
        """(B, G) -> (B, N, K), 0 where the network reads no such kind of that gene."""
        nodes, kinds = self.shape
        empty = values.new_zeros(len(values), nodes * kinds)
        return empty.index_copy(1, self.slots, values).view(len(values), nodes, kinds)

    def _copies(self, rows: int) -> Tensor:
        """Edges (2, B E) of B copies of the graph, copy by copy."""
        first = torch.arange(rows, device=self.edges.device).view(1, -1, 1) * self.shape[0]
        return (self.edges.unsqueeze(1) + first).flatten(1)


def _layers(hidden: int, heads: int, count: int) -> list[nn.Module]:
    if not count:
        return []
    from torch_geometric.nn import GATv2Conv  # here: importing it takes seconds, and most networks read no genes

    return [GATv2Conv(hidden, hidden // heads, heads, add_self_loops=False) for _ in range(count)]


def edge_index(nodes: Sequence[str], pathways: Edges) -> Tensor:
    """Edges both ways and every node's loop: (2, E) int64 places in `nodes`, in order; ValueError for a stranger."""
    place = {node: number for number, node in enumerate(nodes)}
    strangers = {name for edge in pathways for name in edge} - place.keys()
    if strangers:
        raise ValueError(f"{len(strangers)} genes of the pathways are not read by this network; train again")
    pairs = {(place[one], place[other]) for edge in pathways for one, other in (edge, edge[::-1])}
    loops = {(number, number) for number in range(len(nodes))}
    return torch.tensor(sorted(pairs | loops), dtype=torch.int64).view(-1, 2).T.contiguous()
