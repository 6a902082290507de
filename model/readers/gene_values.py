"""Gene values (expression, copy number, mutation, protein, metabolite) from a table of gene, kind, value."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from model.readers.text_lines import TextLimits, numbered_lines, unreadable
from schemas.errors import Reason, Refused

Kind = Literal["expression", "copy-number", "mutation", "protein", "metabolite"]
_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
_COLUMNS = ["gene", "kind", "value"]
_MAX_NAME = 64


@dataclass(frozen=True)
class GeneValue:
    """One quantity of one gene (or, for a metabolite, of one compound), in the sender's units."""

    gene: str
    kind: Kind
    value: float


def read_gene_values(path: Path, *, max_rows: int = 200_000) -> tuple[GeneValue, ...]:
    """All rows of a tab-separated table with the header gene, kind, value. Refused where any is wrong or twice."""
    lines = numbered_lines(path, TextLimits(line_bytes=4096))
    number, header = next(lines, (1, ""))
    if header.split("\t") != _COLUMNS:
        raise unreadable(number, "the header is not gene, kind, value with tabs between")
    found: dict[tuple[str, Kind], GeneValue] = {}
    for number, line in lines:
        if not line:
            continue
        row = _row(number, line)
        if (row.gene, row.kind) in found:
            raise unreadable(number, "a gene and kind that an earlier line has already")
        if len(found) >= max_rows:
            raise Refused(Reason.TOO_LARGE, f"more than {max_rows} gene values; send the genes that matter")
        found[row.gene, row.kind] = row
    if not found:
        raise unreadable(number, "a table without a row")
    return tuple(found.values())


def _row(number: int, line: str) -> GeneValue:
    columns = line.split("\t")
    if len(columns) != len(_COLUMNS):
        raise unreadable(number, f"{len(columns)} columns where the header has {len(_COLUMNS)}")
    gene, kind = columns[0].strip(), _KINDS.get(columns[1])
    if not 0 < len(gene) <= _MAX_NAME:
        raise unreadable(number, f"a gene that is empty or longer than {_MAX_NAME} characters")
    if kind is None:
        raise unreadable(number, f"a kind that is none of {', '.join(_KINDS)}")
    try:
        value = float(columns[2])
    except ValueError as error:
        raise unreadable(number, "a value that is not a number") from error
    if not math.isfinite(value):
        raise unreadable(number, "a value that is not finite")
    return GeneValue(gene, kind, value)
