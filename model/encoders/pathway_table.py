"""A table of gene interactions, the bundled one or a user's, and what of it lies among the genes a network reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from model.encoders.gene_names import node_of

Edges = tuple[tuple[str, str], ...]
"""Undirected, each once: the names of an edge sorted, the edges sorted."""

BUNDLED = Path(__file__).with_name("pathways.tsv")
"""Ten canonical oncogenic pathways (Sanchez-Vega et al. 2018); its first lines say what it is and is not."""
MOST_EDGES = 20_000
"""Edges among a network's genes; a batch's memory and time grow with them."""
_HEADERS = (["gene_a", "gene_b"], ["gene_a", "gene_b", "pathway"])


def read_pathways(path: Path = BUNDLED) -> Edges:
    """The edges of a tab-separated table of gene_a, gene_b and, if it likes, pathway; `#` begins a comment.

    Raises ValueError with the line and a remedy. An edge that is there twice, or both ways, counts once.
    """
    lines = _lines(path)
    number, header = next(lines, (1, ""))
    if header.split("\t") not in _HEADERS:
        raise _wrong(path, number, "no header", "begin with gene_a, gene_b and perhaps pathway, tabs between")
    columns = len(header.split("\t"))
    edges = {_edge(path, number, line, columns) for number, line in lines}
    if not edges:
        raise _wrong(path, number, "a table without an edge", "add at least one line of two genes")
    return tuple(sorted(edges))


def edges_among(edges: Edges, names: Sequence[str]) -> Edges:
    """The edges of which both ends are nodes of these `kind:gene` names; ValueError where there are too many."""
    nodes = {node_of(name) for name in names}
    found = tuple((one, other) for one, other in edges if one in nodes and other in nodes)
    if len(found) > MOST_EDGES:
        raise ValueError(
            f"{len(found)} interactions among the {len(nodes)} genes the network reads, at most {MOST_EDGES} are used; "
            "keep the stronger ones in the table of pathways"
        )
    return found


def _edge(path: Path, number: int, line: str, columns: int) -> tuple[str, str]:
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) != columns:
        raise _wrong(path, number, f"{len(cells)} columns where the header has {columns}", "put one tab between cells")
    one, other = sorted(cells[:2])
    if not one:
        raise _wrong(path, number, "an empty gene", "name both genes or remove the line")
    if one == other:
        raise _wrong(path, number, "a gene with itself", "remove the line, every gene hears itself anyway")
    return one, other


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line) of those that are neither empty nor a comment."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; name a table of gene_a, gene_b") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; save it as plain text with tabs") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def _wrong(path: Path, number: int, found: str, remedy: str) -> ValueError:
    return ValueError(f"{path}, line {number}: {found}; {remedy}")
