"""A fitted Cox model as survival curves."""

from dataclasses import dataclass

import numpy as np

from model.baselines.known import Known
from model.baselines.partial_likelihood import Array, PartialLikelihood

_FARTHEST = 100.0
"""A log hazard ratio beyond this is one of broken inputs; it is cut here, so that curves stay numbers."""


@dataclass(frozen=True)
class CoxModel:
    """Coefficients (C,) and the log of the cumulative hazard of risk 0 at the J edges (J,)."""

    coefficients: Array
    log_baseline: Array

    def survival(self, columns: Array) -> Array:
        """Patients' columns (n, C) -> survival at the edges (n, J)."""
        risk = np.clip(columns @ self.coefficients, -_FARTHEST, _FARTHEST)
        return np.asarray(np.exp(-np.exp(risk[:, None] + self.log_baseline)))


def cox_model(coefficients: Array, columns: Array, known: Known, edges: Array) -> CoxModel:
    """Give coefficients (C,) the baseline of Breslow (1972), of the training patients with these columns (n, C)."""
    likelihood = PartialLikelihood(known.days, known.event)
    return CoxModel(coefficients, likelihood.log_baseline(columns @ coefficients, edges))
