"""Risk-coverage: the error among the patients of whom a model is surest, for several models at once."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.evaluation.measure import NAMING, Measures
from model.evaluation.metrics import DECISION_YEAR
from model.evaluation.naming import gather_named, label_selection
from model.evaluation.panels import colours, page, say_nothing
from model.evaluation.resampling import interval, mean_known
from model.evaluation.selective import risk_at, survival_selection
from model.evaluation.study import Study
from model.evaluation.tested import gather_tested

Array = NDArray[np.float64]
_SHARES = np.linspace(0.1, 1.0, 37)
"""Below a tenth of the patients the curve is a few patients' luck."""


def coverage_plot(measures: Sequence[Measures]) -> Figure:
    """A panel an endpoint, one more for the diagnosis; the first model with the interval of its draws."""
    first = measures[0].study
    names = (*first.endpoints, *((NAMING,) if first.labels else ()))
    title = "Risk-coverage (out of fold; band: 95 % interval of the first model)"
    figure, panels = page(1, len(names), title)
    for name, panel in zip(names, panels[0], strict=True):
        drawn = [(one.study.name, curve) for one in measures if (curve := _curve(one, name)) is not None]
        if drawn:
            _draw(panel, drawn)
            panel.set_title(name)
            error = "error rate" if name == NAMING else f"Brier score at {DECISION_YEAR} years"
            panel.set(xlabel="share of patients kept, surest first", ylabel=error, xlim=(0.1, 1.0))
            panel.set_ylim(bottom=0)
            panel.legend(fontsize=8, loc="lower right")
        else:
            say_nothing(panel, f"{name}: nothing to measure")
    return figure


def _draw(panel: Axes, drawn: Sequence[tuple[str, Array]]) -> None:
    for (name, curve), colour in zip(drawn, colours(len(drawn)), strict=True):
        panel.plot(_SHARES, curve[0], color=colour, label=name)
    first = drawn[0][1]
    ends = np.array([interval(first[1:, column]) for column in range(len(_SHARES))])
    panel.fill_between(_SHARES, ends[:, 0], ends[:, 1], color=colours(1)[0], alpha=0.15, linewidth=0)


def _curve(measures: Measures, name: str) -> Array | None:
    """(1 + draws, S): the error at each share, mean over repeats."""
    selected = list(_selections(measures.study, name, measures.weights()))
    return mean_known([risk_at(kept, risk, _SHARES) for kept, risk in selected]) if selected else None


def _selections(study: Study, name: str, weights: Array) -> Iterator[tuple[Array, Array]]:
    for repeat in range(study.fold.shape[1]):
        if name == NAMING:
            labelled = gather_named(study, repeat)
            if len(labelled.rows):
                yield label_selection(labelled, weights[:, labelled.rows])
        elif name in study.endpoints:
            part = gather_tested(study, repeat, study.endpoints.index(name))
            if part.knows(DECISION_YEAR):
                yield survival_selection(part, weights[:, part.rows], DECISION_YEAR)
