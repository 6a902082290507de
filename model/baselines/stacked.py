"""Stacked Cox: a ridge Cox a block, and a second Cox on what they say of patients they have not seen."""

import numpy as np

from model.baselines.blocks import Block, teaching_blocks
from model.baselines.classes import forecast_classes, ridge_logistic
from model.baselines.cox import tuned_ridge
from model.baselines.cox_model import cox_model
from model.baselines.known import Known, each_endpoint
from model.baselines.partial_likelihood import Array, PartialLikelihood
from model.baselines.ridge_cox import ridge_path
from model.evaluation.fold import Fold, Forecast

_LIGHT = 1.0
"""Ridge of the second Cox: one column a block and every one a log hazard ratio, so it hardly weighs."""


def stacked_cox(fold: Fold) -> Forecast:
    """Stacking (Wolpert 1992): the second Cox learns from left-out risks, and is given those of the full fits.

    A patient without a block has risk 0 of it, whatever its columns hold; no column says that it is absent.
    A block's ridge is chosen on the same inner folds that leave its risks out. Diagnosis: as `cox`, from all
    columns at once.
    """

    def learn(known: Known) -> Array:
        left_out, full = np.zeros((len(known.days), 0)), np.zeros((len(fold.test.columns), 0))
        for block in teaching_blocks(fold, known):
            inner, outer = _risks(block, known, fold)
            left_out, full = np.column_stack((left_out, inner)), np.column_stack((full, outer))
        gains = ridge_path(left_out, PartialLikelihood(known.days, known.event), (_LIGHT,))[0]
        return cox_model(gains, left_out, known, fold.edges_days).survival(full)

    return Forecast(each_endpoint(fold, learn), forecast_classes(fold, slice(None), ridge_logistic(fold.seed)))


def _risks(block: Block, known: Known, fold: Fold) -> tuple[Array, Array]:
    """One block's left-out risks of the training patients (n,), its full fit's of the test patients (n_test,)."""
    taught = block.taught_by(known)
    tuned = tuned_ridge(block.of(taught.rows), taught, fold.seed)
    left_out = np.zeros(len(known.days))
    left_out[block.had_by(known.rows)] = tuned.left_out
    full = np.where(block.had_by(fold.test), block.of(fold.test) @ tuned.coefficients, 0.0)
    return left_out, full
