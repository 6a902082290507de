"""Evidence as the columns of a table: raw numbers of one patient, and which of them are there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.encoders.clinical_tokens import finite, newest_observations
from model.features import Features
from schemas.evidence import Evidence, Modality
from schemas.table import Column, Table
from schemas.tokens import ObservationToken, VariantToken

_TINY = 1e-2
"""Logs are taken of no less: a count of 0 is a measurement."""
INDICATORS = frozenset({"above", "below", "answer", "flag", "gene"})
"""Forms that are 1 or 0."""
_NO_HIT = frozenset({"not-detected", "no-call", "indeterminate", "filtered"})
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


def facts_of(pieces: Sequence[Evidence], encoders: Mapping[str, str], tokens: int) -> Facts:
    """The facts of these pieces, all of one modality; vectors of encoders with other weights are not read."""
    newest: dict[str, ObservationToken] = {}
    for token in newest_observations(pieces, tokens):
        if token.value is not None or token.answer:
            newest[token.code] = token
    variants = [token for piece in pieces for token in piece.tokens if isinstance(token, VariantToken)]
    return Facts(
        newest=newest,
        genes=frozenset(token.gene for token in variants if token.gene and _hit(token)),
        assayed=any(piece.modality is Modality.GENOMIC for piece in pieces),
        vectors=_mean_vectors(pieces, encoders),
    )


def table_features(facts: Facts, modality: Modality, table: Table) -> Features:
    """column (C,) float32, 0 where absent; measured (C,) bool; block (B,) bool: those of this modality alone."""
    numbers = np.zeros(len(table.columns), np.float32)
    measured = np.zeros(len(table.columns), np.bool_)
    ours = [block.modality is modality for block in table.blocks]
    for place, (block, column) in enumerate(table.columns):
        if ours[block]:
            value = column_of(column, facts)
            if value is not None:
                numbers[place], measured[place] = finite(value), True
    there = np.array([is_ours and _present(block, facts, table) for block, is_ours in enumerate(ours)], np.bool_)
    return {"column": numbers, "measured": measured & there[[b for b, _ in table.columns]], "block": there}


def column_of(column: Column, facts: Facts) -> float | None:
    """The column's number, None where it is absent."""
    if column.form == "gene":
        return float(column.codes[0] in facts.genes) if facts.assayed else None
    if column.form == "vector":
        vector = facts.vectors.get(column.codes[0])
        return None if vector is None else float(vector[column.place])
    if column.form == "square":
        return None  # made of what is standardised
    holds = _holds(column, facts)
    if holds is None:
        return None
    if column.form in INDICATORS:
        said = _indicated(column, facts)
        return None if said is None else float(said and holds)
    values = [_value(code, facts) for code in (*column.codes, *column.over)]
    if not holds or any(value is None for value in values):
        return None
    return _number(column, [value for value in values if value is not None])


def _number(column: Column, values: list[float]) -> float | None:
    first = values[0]
    match column.form:
        case "log" | "log-ratio":
            logs = [math.log(max(value, _TINY)) for value in values]
            return sum(logs[: len(column.codes)]) - sum(logs[len(column.codes) :])
        case "hinge-above":
            return max(first - column.at, 0.0)
        case "hinge-below":
            return min(first - column.at, 0.0)
        case "capped":
            return min(first, column.at)
    return first


def _indicated(column: Column, facts: Facts) -> bool | None:
    token = facts.newest.get(column.codes[0])
    if token is None:
        return None
    if column.form == "answer":
        return token.answer == column.answer if token.answer else None
    if column.form == "flag":
        return column.answer in token.flags
    if token.value is None:
        return None
    return token.value > column.at if column.form == "above" else token.value < column.at


def _holds(column: Column, facts: Facts) -> bool | None:
    """Whether all conditions hold; None where one of their codes has no answer."""
    tokens = [facts.newest.get(given.code) for given in column.given]
    answers = [token.answer if token else "" for token in tokens]
    if "" in answers:
        return None
    return all(answer == given.answer for answer, given in zip(answers, column.given, strict=True))


def _value(code: str, facts: Facts) -> float | None:
    token = facts.newest.get(code)
    return None if token is None or token.value is None else finite(token.value)


def _present(block: int, facts: Facts, table: Table) -> bool:
    codes = table.blocks[block].codes
    if codes:
        return any(code in facts.newest for code in codes)
    named = {code for other in table.blocks for code in other.codes}
    return facts.assayed or bool(facts.vectors) or any(code not in named for code in facts.newest)


def _hit(token: VariantToken) -> bool:
    return token.mutant_reads != 0 and not _NO_HIT.intersection(token.flags)


def _mean_vectors(pieces: Sequence[Evidence], encoders: Mapping[str, str]) -> dict[str, Numbers]:
    found: dict[str, list[Numbers]] = {}
    for piece in pieces:
        for vector in piece.vectors:
            if encoders.get(vector.encoder) == vector.weights:
                found.setdefault(vector.encoder, []).append(vector.unpack())
    return {encoder: np.mean(vectors, axis=0) for encoder, vectors in found.items()}
