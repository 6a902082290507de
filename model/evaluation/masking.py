"""Test patients shown a part of what they have: what is said when a modality never comes."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from model.evaluation.fold import Fold, Rows
from model.examples import Examples
from model.features import Batch
from model.network import MODALITIES
from model.student_batch import without_blocks
from schemas.errors import Reason, Refused
from schemas.table import Block, Table


def shown_alone(examples: Examples, table: Table, kept: Collection[str]) -> Examples:
    """Every patient with these blocks alone: columns of others, and tokens of codes that these do not name, are gone.

    A modality none of whose blocks is kept counts as absent. A block without codes names all that no other does,
    vectors and variants too; where none is kept, that goes as well: a baseline is not shown it either.
    """
    require_blocks(table.blocks, kept)
    stay = torch.tensor([block.name in kept for block in table.blocks])
    rest = {block.modality for block in table.blocks if block.name in kept and not block.codes}
    features = {}
    for modality in MODALITIES:
        shown = without_blocks(examples.features[modality], stay.expand(len(examples.present), -1))
        features[modality] = shown if modality in rest else _named(shown)
    there = torch.stack([features[modality]["block"].any(1) for modality in MODALITIES], 1)
    return examples.with_features(features, examples.present & there)


def _named(batch: Batch) -> Batch:
    """A batch as it is without what no code of a block names: other tokens, vectors, variants, draws."""
    gone = {name: torch.zeros_like(batch[name]) for name in ("arrived", "shown", "drawn") if name in batch}
    return batch | gone | ({"present": batch["present"] & (batch["part"] > 0)} if "part" in batch else {})


def left_to_baselines(fold: Fold, kept: Collection[str]) -> Fold:
    """A fold of these blocks alone, in training and in test: a baseline is fitted anew on what is left.

    A harder mark than a baseline that knew all blocks and is shown zeros for what never came.
    """
    stay = np.array([name in kept for name in fold.blocks])
    hidden = [places for name, places in fold.blocks.items() if name not in kept]
    return replace(fold, train=_without(fold.train, hidden, stay), test=_without(fold.test, hidden, stay))


def _without(rows: Rows, hidden: Sequence[slice], stay: NDArray[np.bool_]) -> Rows:
    columns = rows.columns.copy()
    for places in hidden:
        columns[:, places] = 0.0
    return Rows(columns, rows.present & stay)


def require_blocks(blocks: Sequence[Block], kept: Collection[str]) -> None:
    """Refused, with the names there are, where one of these is no block's."""
    names = [block.name for block in blocks]
    unknown = sorted(set(kept) - set(names))
    if unknown:
        raise Refused(Reason.UNSUPPORTED, f"no block {unknown}; this cohort has {names}")
