"""Evidence as the columns of a table: raw numbers of one patient, and which of them are there."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.encoders.clinical_tokens import finite
from model.features import Features
from schemas.evidence import Evidence, Modality
from schemas.table import Column, Given, Table
from schemas.tokens import ObservationToken, VariantToken

_TINY = 1e-300
"""Logs are taken of no less, where a column says no floor of its own."""
INDICATORS = frozenset({"above", "below", "answer", "flag", "gene"})
"""Forms that are 1 or 0."""
Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Facts:
    """What a patient's evidence of one modality says, in the form that columns ask for."""

    newest: Mapping[str, ObservationToken]
    """Code -> its newest token that says anything."""
    genes: frozenset[str]
    """Genes with a variant."""
    assayed: bool
    """Any variant token, or any sequencing, is there: only then a gene without a variant is a 0."""
    vectors: Mapping[str, Numbers]
    """Encoder id -> mean vector."""


Reader = Callable[[Facts], float | None]
"""A patient's facts -> one column's number."""


def facts_of(pieces: Sequence[Evidence], encoders: Mapping[str, str], newest: Sequence[ObservationToken]) -> Facts:
    """The facts of these pieces, all of one modality, and of their `newest` observations, oldest first.

    Vectors of encoders with other weights are not read.
    """
    variants = [token for piece in pieces for token in piece.tokens if type(token) is VariantToken]
    return Facts(
        newest={token.code: token for token in newest if token.value is not None or token.answer},
        genes=frozenset([token.gene for token in variants if token.gene and token.is_hit]),
        assayed=any(piece.modality is Modality.GENOMIC for piece in pieces),
        vectors=_mean_vectors(pieces, encoders),
    )


class TableReader:
    """The columns and blocks of one modality, ready to be read of any patient."""

    def __init__(self, table: Table, modality: Modality) -> None:
        self._ours = [block.modality is modality for block in table.blocks]
        self._readers = [
            (place, block, reader_of(column))
            for place, (block, column) in enumerate(table.columns)
            if self._ours[block] and column.form != "square"
        ]
        self._columns = len(table.columns)
        self._codes = [frozenset(block.codes) for block in table.blocks]
        self._named = frozenset(code for block in table.blocks for code in block.codes)

    def read(self, patients: Sequence[Facts]) -> Features:
        """column (B, C) float32, 0 where absent; measured (B, C) bool; block (B, K) bool: this modality's alone."""
        numbers = np.zeros((len(patients), self._columns), np.float32)
        measured, block = np.zeros(numbers.shape, np.bool_), np.zeros((len(patients), len(self._ours)), np.bool_)
        for row, facts in enumerate(patients):
            there = [ours and self._present(codes, facts) for ours, codes in zip(self._ours, self._codes, strict=True)]
            block[row] = there
            for place, owner, reader in self._readers:
                value = reader(facts) if there[owner] else None
                if value is not None:
                    numbers[row, place], measured[row, place] = value, True
        return {"column": numbers, "measured": measured, "block": block}

    def _present(self, codes: frozenset[str], facts: Facts) -> bool:
        if codes:
            return not codes.isdisjoint(facts.newest)
        return facts.assayed or bool(facts.vectors) or not self._named.issuperset(facts.newest)


def reader_of(column: Column) -> Reader:
    """What gives the column's number of a patient's facts, None where it is absent.

    A `square` is absent everywhere: it is made of what is standardised.
    """
    code = column.codes[0] if column.codes else ""
    if column.form == "square":
        return lambda facts: None
    if column.form == "gene":
        return lambda facts: float(code in facts.genes) if facts.assayed else None
    if column.form == "vector":
        return lambda facts: float(facts.vectors[code][column.place]) if code in facts.vectors else None
    if column.form in INDICATORS:
        return _conditional(_indicator(column, code), column.given, otherwise=0.0)
    return _conditional(_number(column), column.given, otherwise=None)


def _conditional(reader: Reader, given: Sequence[Given], otherwise: float | None) -> Reader:
    """The reader where all conditions hold; None where one of their codes has no answer."""
    if not given:
        return reader

    def read(facts: Facts) -> float | None:
        value = reader(facts)
        tokens = [facts.newest.get(one.code) for one in given]
        answers = [token.answer if token else "" for token in tokens]
        if value is None or "" in answers:
            return None
        return value if all(a == one.answer for a, one in zip(answers, given, strict=True)) else otherwise

    return read


def _indicator(column: Column, code: str) -> Reader:
    answer, at, above = column.answer, column.at, column.form == "above"

    def answered(facts: Facts) -> float | None:
        token = facts.newest.get(code)
        return float(token.answer == answer) if token and token.answer else None

    def flagged(facts: Facts) -> float | None:
        token = facts.newest.get(code)
        return float(answer in token.flags) if token else None

    def compared(facts: Facts) -> float | None:
        token = facts.newest.get(code)
        if token is None or token.value is None:
            return None
        return float(token.value > at if above else token.value < at)

    return {"answer": answered, "flag": flagged}.get(column.form, compared)


def _number(column: Column) -> Reader:
    codes, split, at = (*column.codes, *column.over), len(column.codes), column.at
    forms: dict[str, Callable[[list[float]], float]] = {
        "value": lambda values: values[0],
        "log": lambda values: math.log(max(values[0], at or _TINY)),
        "log-ratio": lambda values: sum(
            math.log(value) * (1 if place < split else -1) for place, value in enumerate(values)
        ),
        "hinge-above": lambda values: max(values[0] - at, 0.0),
        "hinge-below": lambda values: min(values[0] - at, 0.0),
        "capped": lambda values: min(values[0], at),
    }
    form, is_ratio = forms[column.form], column.form == "log-ratio"

    def read(facts: Facts) -> float | None:
        values = []
        for code in codes:
            token = facts.newest.get(code)
            if token is None or token.value is None:
                return None
            values.append(finite(token.value))
        return None if is_ratio and min(values) <= 0 else form(values)

    return read


def _mean_vectors(pieces: Sequence[Evidence], encoders: Mapping[str, str]) -> dict[str, Numbers]:
    found: dict[str, list[Numbers]] = {}
    for piece in pieces:
        for vector in piece.vectors:
            if encoders.get(vector.encoder) == vector.weights:
                found.setdefault(vector.encoder, []).append(vector.unpack())
    return {
        encoder: vectors[0] if len(vectors) == 1 else np.mean(vectors, axis=0) for encoder, vectors in found.items()
    }
