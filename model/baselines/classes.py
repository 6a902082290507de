"""Diagnosis beside survival: a classifier on the same columns, and what is said where it cannot be trained."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from model.baselines.partial_likelihood import Array
from model.baselines.tuning import inner_folds
from model.evaluation.fold import Fold

_RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""On the scale of losses summed over patients: scikit-learn's 1 / C."""


class Classifier(Protocol):
    """What scikit-learn's classifiers answer."""

    def predict_proba(self, X: Array) -> Array:
        """Columns (n, C) -> probability of each kind seen (n, K)."""


Learn = Callable[[Array, NDArray[np.int64]], Classifier]
"""(columns (n, C), kinds (n,) from 0 without a gap, two at least) -> a fitted classifier."""


def forecast_classes(fold: Fold, columns: slice, learn: Learn) -> Array:
    """Probability of each of the fold's L labels for the n test patients (n, L), from some of the columns.

    Patients of unknown diagnosis are left out. A label that training never saw gets 0; with fewer than two
    seen, everyone gets the training rows' shares, or equal ones where nobody's diagnosis is known.
    """
    known = fold.diagnosis >= 0
    seen, kinds = np.unique(fold.diagnosis[known], return_inverse=True)
    test = fold.test.columns[:, columns]
    said = np.zeros((len(test), len(fold.labels)))
    if len(seen) < 2 or not test.shape[1]:
        counts = np.bincount(fold.diagnosis[known], minlength=len(fold.labels))
        said[:] = counts / counts.sum() if counts.sum() else 1 / max(len(fold.labels), 1)
    elif len(test):
        said[:, seen] = learn(fold.train.columns[known, columns], kinds.astype(np.int64)).predict_proba(test)
    return said


def ridge_logistic(seed: int) -> Learn:
    """Multinomial logistic regression; its ridge by the log loss of inner folds."""

    def learn(columns: Array, kinds: NDArray[np.int64]) -> Classifier:
        losses = [_inner_loss(columns, kinds, ridge, seed) for ridge in _RIDGES]
        best: Classifier = _fit(columns, kinds, _RIDGES[int(np.argmin(losses))])
        return best

    return learn


def _inner_loss(columns: Array, kinds: NDArray[np.int64], ridge: float, seed: int) -> float:
    said = np.zeros((len(kinds), kinds.max() + 1))
    for held in inner_folds(kinds, seed):
        rest = np.unique(kinds[~held])
        said[np.ix_(held, rest)] = (
            _fit(columns[~held], kinds[~held], ridge).predict_proba(columns[held]) if len(rest) > 1 else 1.0
        )
    return float(log_loss(kinds, said, labels=np.arange(said.shape[1])))


def _fit(columns: Array, kinds: NDArray[np.int64], ridge: float) -> LogisticRegression:
    return LogisticRegression(C=1 / ridge, max_iter=500).fit(columns, kinds)
