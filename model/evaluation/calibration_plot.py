"""Predicted against observed risk at 2 and at 5 years."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model.evaluation.measure import Measures
from model.evaluation.metrics import CALIBRATION_YEARS
from model.evaluation.panels import QUIET, colours, page, say_nothing
from model.evaluation.reliability import Binned, calibration_curve
from model.evaluation.resampling import interval, mean_known
from model.evaluation.tested import gather_tested


def calibration_plot(measures: Measures) -> Figure:
    """Rows: years; columns: endpoints. Each point is a tenth of the patients, with the interval of the draws."""
    study = measures.study
    title = f"{study.name}: calibration in tenths of the patients (out of fold, 95 % intervals)"
    figure, panels = page(len(CALIBRATION_YEARS), len(study.endpoints), title)
    weights = measures.weights()
    for column, endpoint in enumerate(study.endpoints):
        parts = [gather_tested(study, repeat, column) for repeat in range(study.fold.shape[1])]
        for row, year in enumerate(CALIBRATION_YEARS):
            panel = panels[row][column]
            panel.set_title(f"{endpoint}, {year} years")
            if not all(part.knows(year) for part in parts):
                say_nothing(panel, f"{endpoint}: no prediction or follow-up at {year} years")
                continue
            _draw(panel, [calibration_curve(part, weights[:, part.rows], year) for part in parts])
            panel.set(xlabel=f"predicted risk by {year} years", ylabel=f"observed risk by {year} years")
    return figure


def _draw(panel: Axes, repeats: list[Binned]) -> None:
    bins = min(repeat.mass.shape[1] for repeat in repeats)  # tied predictions may leave a repeat with fewer
    predicted = mean_known([repeat.predicted[:, :bins] for repeat in repeats])
    observed = mean_known([repeat.observed[:, :bins] for repeat in repeats])
    ends = np.array([interval(observed[1:, number]) for number in range(bins)])  # (K, 2)
    top = min(1.0, 1.1 * float(np.nanmax((np.nanmax(ends), predicted[0].max()))))
    panel.plot((0, top), (0, top), color=QUIET, linewidth=1, linestyle="--", label="predicted = observed")
    panel.vlines(predicted[0], ends[:, 0], ends[:, 1], color=colours(1)[0], linewidth=1.2)
    panel.plot(
        predicted[0],
        observed[0],
        "o",
        color=colours(1)[0],
        markersize=5,
        clip_on=False,
        label="a tenth of the patients",
    )
    panel.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    panel.legend(fontsize=8, loc="upper left")
