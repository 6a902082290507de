"""Late fusion: the mean of what each block that a patient has says on its own."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.baselines.blocks import Block, blocks_of, teaching_blocks
from model.baselines.classes import forecast_classes, ridge_logistic
from model.baselines.cox import tuned_ridge
from model.baselines.cox_model import cox_model
from model.baselines.known import Known, each_endpoint, kaplan_meier
from model.baselines.partial_likelihood import Array
from model.evaluation.fold import Fold, Forecast

_NO_COLUMN = slice(0, 0)


def late_fusion(fold: Fold) -> Forecast:
    """Mean survival of a ridge Cox a block, mean probabilities of a ridge logistic regression a block.

    Each learns from the patients who have its block. Who has none gets the training rows' Kaplan-Meier curve
    and shares of diagnoses.
    """

    def learn(known: Known) -> Array:
        blocks = teaching_blocks(fold, known)
        return _mean(
            fold, blocks, [_curves(block, known, fold) for block in blocks], kaplan_meier(known, fold.edges_days)
        )

    blocks = tuple(block for block in blocks_of(fold) if _kinds(_own(fold, block)) > 1)
    said = [forecast_classes(_own(fold, block), block.columns, ridge_logistic(fold.seed)) for block in blocks]
    shares = forecast_classes(fold, _NO_COLUMN, ridge_logistic(fold.seed))
    return Forecast(each_endpoint(fold, learn), _mean(fold, blocks, said, shares))


def _curves(block: Block, known: Known, fold: Fold) -> Array:
    taught = block.taught_by(known)
    columns = block.of(taught.rows)
    coefficients = tuned_ridge(columns, taught, fold.seed).coefficients
    return cox_model(coefficients, columns, taught, fold.edges_days).survival(block.of(fold.test))


def _own(fold: Fold, block: Block) -> Fold:
    """The fold as this block sees it: nobody's diagnosis is known who does not have the block."""
    return replace(fold, diagnosis=np.where(block.had_by(fold.train), fold.diagnosis, -1))


def _kinds(fold: Fold) -> int:
    return len(np.unique(fold.diagnosis[fold.diagnosis >= 0]))


def _mean(fold: Fold, blocks: Sequence[Block], said: Sequence[Array], otherwise: Array) -> Array:
    """The mean (n, K) over the blocks a test patient has of what each said (n, K); `otherwise` where there is none."""
    total, count = np.zeros((len(fold.test.columns), otherwise.shape[-1])), np.zeros((len(fold.test.columns), 1))
    for block, one in zip(blocks, said, strict=True):
        has = block.had_by(fold.test)[:, None]
        total, count = total + np.where(has, one, 0.0), count + has
    return np.where(count > 0, total / np.maximum(count, 1), otherwise)
