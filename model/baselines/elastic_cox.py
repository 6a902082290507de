"""Elastic-net Cox regression: the lasso half drops columns, the ridge half keeps correlated ones together."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import ElasticNet

from model.baselines.partial_likelihood import Array, PartialLikelihood

MIX = 0.5
"""Share of the lasso in the penalty."""
_ROUNDS = 50
"""Some 10 are needed; more only where columns outnumber the events many times and the penalty is weak."""
_CLOSE = 1e-5
"""Done when no coefficient moves by more."""
_LENGTH, _WEAKEST = 12, 0.05


def elastic_path(columns: Array, likelihood: PartialLikelihood, strengths: Sequence[float]) -> Array:
    """Coefficients (S, C) that maximise log partial likelihood - strength (MIX |b|_1 + (1 - MIX) / 2 |b|^2).

    Columns (n, C). Each fit starts at the one before. As Simon, Friedman, Hastie & Tibshirani (2011): weighted
    least squares by coordinate descent, again and again. Their weights are the diagonal of the curvature by
    risk; ours are the expected events, which lie above the whole curvature, so that a round does not overshoot.
    """
    if not columns.shape[1]:
        return np.zeros((len(strengths), 0))
    net = ElasticNet(l1_ratio=MIX, fit_intercept=False, warm_start=True, tol=1e-8, max_iter=10_000, random_state=0)
    net.coef_ = np.zeros(columns.shape[1])
    centred = columns - columns.mean(0)  # a Cox does not see the means; the bound is tighter without them
    return np.array([_rounds(net, centred, likelihood, strength) for strength in strengths])


def elastic_strengths(columns: Array, likelihood: PartialLikelihood) -> tuple[float, ...]:
    """A path from the strength at which the first of the columns (n, C) enters to a twentieth of it."""
    slope = np.abs(columns.T @ likelihood.slopes(np.zeros(len(columns)))[0])
    entry = max(float(slope.max(initial=0.0)) / MIX, 1e-3)
    return tuple(entry * np.geomspace(1.0, _WEAKEST, _LENGTH))


def _rounds(net: ElasticNet, columns: Array, likelihood: PartialLikelihood, strength: float) -> Array:
    for _ in range(_ROUNDS):
        before = net.coef_.copy()
        slope, expected = likelihood.slopes(columns @ before)
        counted = expected > 1e-12  # those censored before the first event: no slope, no weight
        root = np.sqrt(expected[counted])
        rows = columns[counted] * root[:, None]
        net.alpha = strength / len(rows)
        net.fit(rows, rows @ before + slope[counted] / root)
        if np.abs(net.coef_ - before).max() <= _CLOSE:
            break
    return np.array(net.coef_)
