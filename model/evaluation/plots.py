"""All plots of an evaluation, into one folder."""

from collections.abc import Sequence
from pathlib import Path

from model.evaluation.calibration_plot import calibration_plot
from model.evaluation.coverage_plot import coverage_plot
from model.evaluation.forest_plot import forest_plot
from model.evaluation.measure import Measures, compare
from model.evaluation.panels import save
from model.evaluation.survival_plot import survival_plot


def write_plots(measures: Sequence[Measures], folder: Path) -> tuple[Path, ...]:
    """Survival and calibration of the first model, risk-coverage of all, its forest of differences to the others.

    A cohort without endpoints has no survival to draw.
    """
    model, *baselines = measures
    written = []
    if model.study.endpoints:
        written.append(save(survival_plot(model.study), folder / "survival.png"))
        written.append(save(calibration_plot(model), folder / "calibration.png"))
    written.append(save(coverage_plot(measures), folder / "risk-coverage.png"))
    if baselines:
        differences = [compare(model, baseline) for baseline in baselines]
        written.append(save(forest_plot(differences), folder / "differences.png"))
    return tuple(written)
