"""How well diagnoses are named: figures of the label probabilities, for patients whose label is known.

Functions: weights (B, n) -> (B,). scikit-learn has the same figures without draws; the tests hold ours to them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.concordance import ahead, paired
from model.evaluation.reliability import expected_error, label_curve
from model.evaluation.resampling import mean_known, ratio
from model.evaluation.selective import surest_first
from model.evaluation.study import Study
from model.evaluation.tested import spans_of

Array = NDArray[np.float64]
_LEAST = 1e-12
"""A probability of 0 for the truth would cost without bound."""


@dataclass(frozen=True)
class Named:
    """n patients of one repeat with a known label, fold after fold; C labels."""

    rows: NDArray[np.int64]
    """(n,) places in the study's patients."""
    folds: tuple[slice, ...]
    truth: NDArray[np.int64]
    classes: Array
    """(n, C)."""


def gather_named(study: Study, repeat: int) -> Named:
    """Those whom the repeat tests and whose label is known."""
    fold = study.fold[:, repeat]
    rows = np.nonzero((study.truth >= 0) & (fold >= 0))[0]
    rows = rows[np.argsort(fold[rows], kind="stable")]
    return Named(rows, spans_of(fold[rows]), study.truth[rows], study.classes[rows, repeat])


def accuracy(named: Named, weights: Array) -> Array:
    """Share of the patients whose likeliest label is the true one."""
    return ratio(weights @ _right(named), weights.sum(1))


def log_loss(named: Named, weights: Array) -> Array:
    """Mean -log of the true label's probability, in nats."""
    truth = named.classes[np.arange(len(named.truth)), named.truth]
    return ratio(weights @ -np.log(np.maximum(truth, _LEAST)), weights.sum(1))


def macro_auroc(named: Named, weights: Array) -> Array:
    """Each label against the rest, pairs inside a fold; the mean over the labels that have a pair."""
    return mean_known([_auroc(named, weights, label) for label in range(named.classes.shape[1])])


def label_error(named: Named, weights: Array) -> Array:
    """Expected calibration error of the likeliest label's probability, in bins of equally many patients."""
    return expected_error(label_curve(named.classes.max(1), _right(named), weights))


def label_selection(named: Named, weights: Array) -> tuple[Array, Array]:
    """Kept shares and error rate, surest first: sure is whose likeliest label has a high probability."""
    return surest_first(named.classes.max(1), (~_right(named)).astype(np.float64), weights)


def _right(named: Named) -> NDArray[np.bool_]:
    return np.asarray(named.classes.argmax(1) == named.truth)


def _auroc(named: Named, weights: Array, label: int) -> Array:
    right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for part in named.folds:
        of_label, said = named.truth[part] == label, named.classes[part, label]
        ours, others = weights[:, part][:, of_label], weights[:, part][:, ~of_label]
        right += paired(ours, ahead(said[of_label], said[~of_label]), others)
        pairs += ours.sum(1) * others.sum(1)
    return ratio(right, pairs)
