"""Test patients shown a part of what they have: what is said when a modality never comes."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch

from model.evaluation.fold import Fold, Rows
from model.examples import Examples
from model.joint_training import without_blocks
from model.network import MODALITIES
from schemas.errors import Reason, Refused
from schemas.table import Table


def shown_alone(examples: Examples, table: Table, kept: Collection[str]) -> Examples:
    """Every patient with these blocks alone: columns, and tokens of the codes that other blocks name, are gone.

    A modality none of whose blocks is kept counts as absent.
    """
    stay = torch.tensor([name in kept for name in _known(table, kept)])
    features = {
        modality: without_blocks(examples.features[modality], stay.expand(len(examples.present), -1))
        for modality in MODALITIES
    }
    there = torch.stack([features[modality]["block"].any(1) for modality in MODALITIES], 1)
    return examples.with_features(features, examples.present & there)


def shown_to_baselines(fold: Fold, kept: Collection[str]) -> Fold:
    """The same for a fold of columns."""
    stay = np.array([name in kept for name in fold.blocks])
    columns = fold.test.columns.copy()
    for name, places in fold.blocks.items():
        if name not in kept:
            columns[:, places] = 0.0
    return replace(fold, test=Rows(columns, fold.test.present & stay))


def _known(table: Table, kept: Collection[str]) -> list[str]:
    names = [block.name for block in table.blocks]
    unknown = set(kept) - set(names)
    if unknown:
        raise Refused(Reason.UNSUPPORTED, f"no block {sorted(unknown)}; this cohort has {names}")
    return names
