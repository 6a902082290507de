"""Predicted survival of the patients said to be at low, middle and high risk, against their Kaplan-Meier."""

import numpy as np
from lifelines import KaplanMeierFitter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.evaluation.panels import COLOURS, page
from model.evaluation.predictions import YEARS
from model.evaluation.study import Study
from model.survival import YEAR_DAYS

Array = NDArray[np.float64]
_THIRDS = (("low risk", COLOURS[2]), ("middle", COLOURS[0]), ("high risk", COLOURS[1]))


def survival_plot(study: Study) -> Figure:
    """A panel an endpoint: observed as steps with a 95 % band, predicted as points at the years."""
    title = f"{study.name}: survival by third of predicted risk (out of fold)"
    figure, panels = page(1, len(study.endpoints), title)
    figure.set_figheight(figure.get_figheight() + 1.0)  # the legends stand below
    for column, (endpoint, panel) in enumerate(zip(study.endpoints, panels[0], strict=True)):
        _draw(panel, study, column)
        panel.set_title(endpoint)
        panel.set(xlabel="years of follow-up", xlim=(0, YEARS[-1] + 0.1), ylim=(0, 1.02))
        panel.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False)
    panels[0][0].set_ylabel("share free of the event")
    return figure


def thirds(study: Study, endpoint: int) -> NDArray[np.int64]:
    """(N,): 0 low, 1 middle, 2 high by a patient's mean rank within the test folds; -1 without a time.

    Ranks, since the risks of two folds are those of two fits.
    """
    ranks = np.full(study.fold.shape, np.nan)
    for repeat, fold in enumerate(study.fold.T):
        for number in np.unique(fold[fold >= 0]):
            part = np.nonzero(fold == number)[0]
            ranks[part, repeat] = (study.risk[part, repeat, endpoint].argsort().argsort() + 0.5) / len(part)
    timed = np.isfinite(study.days[:, endpoint])
    third = np.full(len(study.patients), -1, np.int64)
    places = np.nanmean(ranks[timed], 1).argsort(kind="stable").argsort()
    third[timed] = places * len(_THIRDS) // max(int(timed.sum()), 1)
    return third


def _draw(panel: Axes, study: Study, column: int) -> None:
    third, days, event = thirds(study, column), study.days[:, column], study.event[:, column]
    for number, (name, colour) in enumerate(_THIRDS):
        part = third == number
        if not part.any():
            continue
        observed = KaplanMeierFitter().fit(days[part] / YEAR_DAYS, event[part])
        times, band = observed.survival_function_.index.to_numpy(), observed.confidence_interval_.to_numpy()
        label = f"{name}: {int(part.sum())} patients, {int(event[part].sum())} events"
        panel.step(times, observed.survival_function_.to_numpy()[:, 0], where="post", color=colour, label=label)
        panel.fill_between(times, band[:, 0], band[:, 1], step="post", color=colour, alpha=0.13, linewidth=0)
        said = study.survival[part, :, column][study.fold[part] >= 0].mean(0)  # (Y,)
        panel.plot((0, *YEARS), (1.0, *said), "o--", color=colour, markersize=4, linewidth=0.9)
    panel.plot([], [], "o--", color="black", markersize=4, linewidth=0.9, label="predicted mean at each year")
    panel.plot([], [], color="black", label="Kaplan-Meier, 95 % band")
