"""Declared blocks resolved into the columns that the training patients support: from training rows alone."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.table_columns import INDICATORS, Facts, TableReader
from schemas.evidence import Modality
from schemas.table import Block, Column, Given, Table

ENOUGH = 5
"""Fewer patients than this support no column; nor do fewer on the rarer side of a 1-or-0 column."""
_MOST_GENES = 64
_RANGE_FLAGS = ("below-range", "above-range")

Known = Mapping[Modality, Sequence[Facts]]
"""Of each modality, the facts of every training patient, in one order."""


@dataclass(frozen=True)
class Seen:
    """How often training patients have what a block could make columns of."""

    numbers: Counter[str]
    answers: Counter[tuple[str, str]]
    flags: Counter[tuple[str, str]]
    genes: Counter[str]
    vectors: Counter[str]


def default_blocks(encoders: Mapping[str, int]) -> tuple[Block, ...]:
    """One block a modality, for a cohort that declares none; `encoders` has the linear numbers of each vector."""
    parts = {name: {e: n for e, n in encoders.items() if e.startswith(f"{name}/") and n} for name in Modality}
    return tuple(
        Block(name=name.value, modality=name, vectors=parts[name], genes=name is Modality.GENOMIC) for name in Modality
    )


def resolve(blocks: Sequence[Block], known: Known) -> Table:
    """The columns of these blocks that training supports; a block without any keeps its place."""
    named = {code for block in blocks for code in block.codes}
    columns: list[tuple[int, Column]] = []
    for place, block in enumerate(blocks):
        seen = _seen(known[block.modality])
        codes = block.codes or tuple(code for code in _codes(seen) if code not in named)
        columns += [(place, column) for column in _candidates(block, codes, seen, known[block.modality])]
    drafted = Table(blocks=tuple(blocks), columns=tuple(dict.fromkeys(columns)))
    return _with_squares(_supported(drafted, known))


def rows_of(table: Table, known: Known) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Columns (N, C), 0 where absent, and measured (N, C) of every patient, all modalities together."""
    readers = {modality: TableReader(table, modality) for modality in Modality}
    parts = [readers[modality].read(known[modality]) for modality in Modality]
    numbers = sum(part["column"] * part["measured"] for part in parts)
    measured = np.any([part["measured"] for part in parts], axis=0)
    return np.asarray(numbers, np.float32), np.asarray(measured, np.bool_)


def _candidates(block: Block, codes: Sequence[str], seen: Seen, facts: Sequence[Facts]) -> Iterator[Column]:
    for code in codes:
        if block.numbers != "none" and seen.numbers[code] >= ENOUGH:
            yield _log(code, facts) if block.numbers == "log" else Column(form="value", codes=(code,))
        for flag in _RANGE_FLAGS:
            if seen.flags[code, flag] >= ENOUGH:
                yield Column(form="flag", codes=(code,), answer=flag)
        if block.answers:
            yield from (Column(form="answer", codes=(code,), answer=answer) for answer in _answers(code, seen))
    yield from block.columns
    for one, other in block.crosses:
        for first in _answers(one, seen, all_of_two=True):
            for second in _answers(other, seen, all_of_two=True):
                given = (Given(code=other, answer=second),)
                yield Column(form="answer", codes=(one,), answer=first, given=given)
    for encoder, count in block.vectors.items():
        if seen.vectors[encoder] >= ENOUGH:
            yield from (Column(form="vector", codes=(encoder,), place=place) for place in range(count))
    if block.genes:
        yield from (Column(form="gene", codes=(gene,)) for gene in sorted(_frequent_genes(seen)))


def _log(code: str, facts: Sequence[Facts]) -> Column:
    """The log of a number that may be 0, which is a measurement: half the smallest that training saw stands for it."""
    values = [one.newest[code].value for one in facts if code in one.newest]
    above = [value for value in values if value is not None and value > 0]
    return Column(form="log", codes=(code,), at=min(above) / 2 if above else 0.0)


def _answers(code: str, seen: Seen, all_of_two: bool = False) -> list[str]:
    """Its answers, those seen often enough; of two, the rarer alone, since the other says the same."""
    counts = {answer: count for (one, answer), count in seen.answers.items() if one == code and count >= ENOUGH}
    ranked = sorted(counts, key=lambda answer: (counts[answer], answer))
    return sorted(ranked if len(ranked) != 2 or all_of_two else ranked[:1])


def _frequent_genes(seen: Seen) -> list[str]:
    ranked = sorted(seen.genes, key=lambda gene: (-seen.genes[gene], gene))
    return [gene for gene in ranked[:_MOST_GENES] if seen.genes[gene] >= ENOUGH]


def _codes(seen: Seen) -> list[str]:
    counts = Counter(seen.numbers) + Counter(code for code, _ in seen.answers.elements())
    return sorted(code for code, count in counts.items() if count >= ENOUGH)


def _seen(facts: Sequence[Facts]) -> Seen:
    tokens = [(code, token) for one in facts for code, token in one.newest.items()]
    return Seen(
        numbers=Counter(code for code, token in tokens if token.value is not None),
        answers=Counter((code, token.answer) for code, token in tokens if token.answer),
        flags=Counter((code, flag) for code, token in tokens for flag in token.flags),
        genes=Counter(gene for one in facts for gene in one.genes),
        vectors=Counter(encoder for one in facts for encoder in one.vectors),
    )


def _supported(table: Table, known: Known) -> Table:
    numbers, measured = rows_of(table, known)
    kept = []
    for place, (block, column) in enumerate(table.columns):
        values = numbers[measured[:, place], place]
        if column.form in INDICATORS:
            enough = min(int(values.sum()), len(values) - int(values.sum())) >= ENOUGH
        else:
            enough = len(values) >= ENOUGH and float(values.std()) > 1e-9
        if enough:
            kept.append((block, column))
    return table.model_copy(update={"columns": tuple(kept)})


def _with_squares(table: Table) -> Table:
    """A `square` beside each number of the blocks that want them, at the end of the table."""
    squares = [
        (block, Column(form="square", place=place))
        for place, (block, column) in enumerate(table.columns)
        if table.blocks[block].squares and column.form in ("value", "log")
    ]
    return table.model_copy(update={"columns": (*table.columns, *squares)})
