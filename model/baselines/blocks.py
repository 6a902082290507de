"""Blocks of columns apart: which of them can teach an endpoint, and who has them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.baselines.known import Known
from model.baselines.partial_likelihood import Array
from model.evaluation.fold import Fold, Rows


@dataclass(frozen=True)
class Block:
    """Some columns, and a place among the blocks."""

    columns: slice
    place: int

    def of(self, rows: Rows) -> Array:
        """The rows' columns of this block (n, C)."""
        return rows.columns[:, self.columns]

    def had_by(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of the rows have it (n,)."""
        return rows.present[:, self.place]

    def taught_by(self, known: Known) -> Known:
        """Those of the patients who have it."""
        return known.among(self.had_by(known.rows))


def blocks_of(fold: Fold) -> tuple[Block, ...]:
    """The fold's blocks that have a column at all."""
    blocks = (Block(columns, place) for place, columns in enumerate(fold.blocks.values()))
    return tuple(block for block in blocks if block.of(fold.train).shape[1])


def teaching_blocks(fold: Fold, known: Known) -> tuple[Block, ...]:
    """Those of which enough events are known among the patients who have them."""
    return tuple(block for block in blocks_of(fold) if block.taught_by(known).can_teach)
