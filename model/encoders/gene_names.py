"""What a `kind:gene` name tells: its kind, its node in the gene graph, and the kinds' shares of what is scarce."""

from collections import Counter
from collections.abc import Iterable, Mapping

WEIGHTS = {"expression": 4, "copy-number": 1, "mutation": 1, "protein": 2, "metabolite": 2}
"""How a total is shared between the kinds that are there: expression has the most that goes its own way."""


def kind_of(name: str) -> str:
    """`expression` of `expression:EGFR`."""
    return name.partition(":")[0]


def node_of(name: str) -> str:
    """The gene, which all its kinds share; a metabolite stays by itself, for `MET` is methionine there."""
    kind, _, gene = name.partition(":")
    return name if kind == "metabolite" else gene


def counted(names: Iterable[str]) -> dict[str, int]:
    """How many names each kind has, kinds in order."""
    return dict(sorted(Counter(map(kind_of, names)).items()))


def shares(available: Mapping[str, int], total: int) -> dict[str, int]:
    """How many of `total` each kind gets: by WEIGHTS, none more than it has; what one leaves goes to the others.

    Handed out one by one to the kind that is furthest behind its weight, the first by name among equals.
    """
    given = dict.fromkeys(sorted(available), 0)
    for _ in range(min(total, sum(available.values()))):
        open_kinds = [kind for kind in given if given[kind] < available[kind]]
        given[min(open_kinds, key=lambda kind: (given[kind] + 1) / WEIGHTS.get(kind, 1))] += 1
    return given
