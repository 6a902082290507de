"""From a study to figures with intervals, and from two studies to paired differences.

A figure is the mean over repeats. The draws follow from the seed and the patients alone, so two models of one cohort
are measured on the same draws, and the draws of their difference are the differences of their draws.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.metrics import BETTER, DIAGNOSIS, SURVIVAL, Better
from model.evaluation.naming import gather_named
from model.evaluation.resampling import draw_patients, interval, mean_known
from model.evaluation.study import Study
from model.evaluation.tested import gather_tested
from schemas.errors import Reason, Refused

Array = NDArray[np.float64]
Key = tuple[str, str]
"""A metric and an endpoint."""
NAMING = "diagnosis"
"""What stands for an endpoint beside the metrics of the label."""


@dataclass(frozen=True)
class Measured:
    """One figure, its 95 % percentile interval, and from how many draws that is (a draw may have no value)."""

    metric: str
    endpoint: str
    value: float
    low: float
    high: float
    draws: int


@dataclass(frozen=True)
class LeftOut:
    """A figure that the cohort or the model cannot have."""

    metric: str
    endpoint: str
    why: str


@dataclass(frozen=True)
class Measures:
    """All figures of one model."""

    study: Study
    draws: int
    seed: int
    figures: Mapping[Key, Array]
    """Each (1 + draws,): the figure, then that of each draw; NaN where a draw has none."""
    left_out: tuple[LeftOut, ...]

    def weights(self) -> Array:
        """The draws again: (1 + draws, N)."""
        return draw_patients(len(self.study.patients), self.draws, np.random.default_rng(self.seed))

    def rows(self) -> tuple[Measured, ...]:
        """The figures with their intervals, endpoint by endpoint."""
        return tuple(_measured(key, values) for key, values in self.figures.items())


@dataclass(frozen=True)
class Difference:
    """One model's figure minus another's, on the same draws: both above, or both below 0, it is no luck of patients."""

    model: str
    against: str
    metric: str
    endpoint: str
    value: float
    low: float
    high: float
    draws: int


def measure(study: Study, draws: int, seed: int, mean_of: Sequence[str] = ()) -> Measures:
    """All metrics of a model; with `mean_of`, also the mean over those endpoints of what is better high or low."""
    unknown = set(mean_of) - set(study.endpoints)
    if unknown:
        raise Refused(Reason.UNREADABLE_FILE, f"mean of {sorted(unknown)}; predicted are {list(study.endpoints)}")
    weights = draw_patients(len(study.patients), draws, np.random.default_rng(seed))
    found: dict[Key, Array] = {}
    left_out: list[LeftOut] = []
    for one in (*_survival_figures(study, weights), *_naming_figures(study, weights)):
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            found[one[0]] = one[1]
    if mean_of:
        found |= _means(found, mean_of)
    return Measures(study, draws, seed, found, tuple(left_out))


def compare(model: Measures, against: Measures) -> tuple[Difference, ...]:
    """Paired differences of what both have and where more, or less, is better; Refused unless measured alike."""
    if not _alike(model, against):
        raise Refused(
            Reason.UNREADABLE_FILE, "two models of other patients, folds, times or draws; measure both on the same"
        )
    names = model.study.name, against.study.name
    return tuple(
        _difference(names, _measured(key, values - against.figures[key]))
        for key, values in model.figures.items()
        if key in against.figures and BETTER[key[0]] is not Better.ONE
    )


def _survival_figures(study: Study, weights: Array) -> Iterator[tuple[Key, Array] | LeftOut]:
    for column, endpoint in enumerate(study.endpoints):
        parts = [gather_tested(study, repeat, column) for repeat in range(study.fold.shape[1])]
        if not all(len(part.folds) > 1 for part in parts):
            why = "a repeat has fewer than two folds with a patient whose time is known"
            yield from (LeftOut(metric.name, endpoint, why) for metric in SURVIVAL)
            continue
        drawn = [weights[:, part.rows] for part in parts]
        for metric in SURVIVAL:
            blind = [year for year in metric.years if not all(part.knows(year) for part in parts)]
            if blind:
                why = f"no prediction, or a fold's training patients not followed, at {blind[-1]} y"
                yield LeftOut(metric.name, endpoint, why)
            else:
                values = [metric.value(part, held) for part, held in zip(parts, drawn, strict=True)]
                yield _or_left_out((metric.name, endpoint), values)


def _naming_figures(study: Study, weights: Array) -> Iterator[tuple[Key, Array] | LeftOut]:
    if not study.labels:
        return
    parts = [gather_named(study, repeat) for repeat in range(study.fold.shape[1])]
    if not all(len(part.rows) for part in parts):
        yield from (
            LeftOut(metric.name, NAMING, "a repeat tests no patient whose label is known") for metric in DIAGNOSIS
        )
        return
    for metric in DIAGNOSIS:
        values = [metric.value(part, weights[:, part.rows]) for part in parts]
        yield _or_left_out((metric.name, NAMING), values)


def _or_left_out(key: Key, repeats: list[Array]) -> tuple[Key, Array] | LeftOut:
    mean = mean_known(repeats)
    if np.isfinite(mean[0]):
        return key, mean
    return LeftOut(*key, "too few events, or none without one, to compare")


def _means(found: Mapping[Key, Array], endpoints: Sequence[str]) -> dict[Key, Array]:
    name = f"mean of {', '.join(endpoints)}"
    ranked = [metric.name for metric in SURVIVAL if metric.better is not Better.ONE]  # too much and too little cancel
    keys = {metric: [(metric, endpoint) for endpoint in endpoints] for metric in ranked}
    return {
        (metric, name): np.mean([found[key] for key in of_metric], axis=0)
        for metric, of_metric in keys.items()
        if all(key in found for key in of_metric)
    }


def _measured(key: Key, values: Array) -> Measured:
    low, high = interval(values[1:])
    return Measured(*key, float(values[0]), low, high, int(np.isfinite(values[1:]).sum()))


def _difference(names: tuple[str, str], of: Measured) -> Difference:
    return Difference(*names, of.metric, of.endpoint, of.value, of.low, of.high, of.draws)


def _alike(one: Measures, other: Measures) -> bool:
    ours, theirs = one.study, other.study
    return (
        (one.draws, one.seed) == (other.draws, other.seed)
        and (ours.patients, ours.endpoints, ours.labels) == (theirs.patients, theirs.endpoints, theirs.labels)
        and np.array_equal(ours.fold, theirs.fold)
        and np.array_equal(ours.days, theirs.days, equal_nan=True)
        and np.array_equal(ours.event, theirs.event)
        and np.array_equal(ours.truth, theirs.truth)
    )
