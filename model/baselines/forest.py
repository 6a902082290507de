"""A discrete-time survival forest: a classification forest on a row for each bin that a patient entered."""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from model.baselines.classes import Classifier, forecast_classes
from model.baselines.known import Known, each_endpoint
from model.baselines.partial_likelihood import Array
from model.evaluation.fold import Fold, Forecast
from model.survival import bin_targets, curves

_TREES = 200
_LEAF = 50
"""Least rows of patients and bins in a leaf; on HANCOCK 20, 50 and 100 were within .01 of C of each other, 5 below."""
_CLASS_LEAF = 3
"""Least patients in a leaf, for the diagnosis."""


def survival_forest(fold: Fold) -> Forecast:
    """After Schmid, Welchowski, Wright & Berger (2020), whose trees split by Hellinger distance; ours by Gini.

    The bin's place is one column among the others. Bootstraps draw rows, not patients. A forest an endpoint,
    and one for the diagnosis.
    """
    bins = len(fold.edges_days)

    def learn(known: Known) -> Array:
        labels, mask = bin_targets(known.days, known.event, fold.edges_days)
        counted = mask.ravel() > 0
        if not labels.any():  # every event lies beyond the last edge
            return np.ones((len(fold.test.columns), bins))
        forest = _forest(_LEAF, fold.seed).fit(
            _periods(known.rows.columns, bins)[counted], labels.ravel()[counted].astype(np.int64)
        )
        return curves(_event_share(forest, _periods(fold.test.columns, bins)).reshape(-1, bins))

    def learn_classes(columns: Array, kinds: NDArray[np.int64]) -> Classifier:
        fitted: Classifier = _forest(_CLASS_LEAF, fold.seed).fit(columns, kinds)
        return fitted

    return Forecast(each_endpoint(fold, learn), forecast_classes(fold, slice(None), learn_classes))


def _forest(leaf: int, seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(_TREES, min_samples_leaf=leaf, n_jobs=1, random_state=seed)


def _periods(columns: Array, bins: int) -> Array:
    """Columns (n, C) -> a row for each patient and bin (n bins, C + 1), the bin's place last."""
    places = np.tile(np.arange(bins, dtype=np.float64), len(columns))
    return np.column_stack((columns.repeat(bins, 0), places))


def _event_share(forest: RandomForestClassifier, rows: Array) -> Array:
    """The hazard of each row: the share of events in its leaves."""
    said: Array = forest.predict_proba(rows)
    return said[:, list(forest.classes_).index(1)]
