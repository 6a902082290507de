"""Forest plot: a model's paired differences to its baselines, every metric turned so that right is better."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from model.evaluation.measure import Difference
from model.evaluation.metrics import ASIDE, BETTER, Better
from model.evaluation.panels import COLOURS, QUIET, page

_ROW_INCHES = 0.235


def forest_plot(differences: Sequence[Sequence[Difference]]) -> Figure:
    """A panel a baseline, a row a metric and endpoint; blue (better) and orange (worse) where clear of 0."""
    shown = [kept for one in differences if (kept := [row for row in one if row.metric not in ASIDE])]
    if not shown:
        raise ValueError("no difference to draw; compare a model with a baseline first")
    keys = list(dict.fromkeys((row.endpoint, row.metric) for one in shown for row in one))
    figure, panels = page(1, len(shown), f"{shown[0][0].model} against each baseline, 95 % intervals")
    figure.set_size_inches(3.4 + 3.8 * len(shown), 2.0 + _ROW_INCHES * (len(keys) + len({one for one, _ in keys})))
    for column, (rows, panel) in enumerate(zip(shown, panels[0], strict=True)):
        _draw(panel, rows, _places(keys))
        panel.set_title(f"minus {rows[0].against}", fontsize=10)
        panel.set_xlabel("difference (right is better;\n(turned): lower is better, sign changed)", fontsize=8)
        _name_rows(panel, keys, named=column == 0)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    meanings = (("better", COLOURS[0]), ("worse", COLOURS[1]), ("interval holds 0", QUIET))
    lines = [Line2D([], [], color=colour, marker="o", markersize=4.5, label=name) for name, colour in meanings]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=8, frameon=False)


def _places(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """From the top down, a free row between two endpoints."""
    places, place = {}, 0
    for number, key in enumerate(keys):
        place -= 1 + (number > 0 and key[0] != keys[number - 1][0])
        places[key] = place
    return places


def _draw(panel: Axes, rows: Sequence[Difference], places: dict[tuple[str, str], int]) -> None:
    panel.axvline(0, color="black", linewidth=0.8)
    for row in rows:
        sign = 1 if BETTER[row.metric] is Better.HIGHER else -1
        low, high = sorted((sign * row.low, sign * row.high))
        colour = COLOURS[0] if low > 0 else COLOURS[1] if high < 0 else QUIET
        at = places[row.endpoint, row.metric]
        panel.plot((low, high), (at, at), color=colour, linewidth=1.6, solid_capstyle="butt")
        panel.plot(sign * row.value, at, "o", color=colour, markersize=4.5)


def _name_rows(panel: Axes, keys: Sequence[tuple[str, str]], named: bool) -> None:
    places = _places(keys)
    turned = {key: " (turned)" if BETTER[key[1]] is Better.LOWER else "" for key in keys}
    names = [f"{endpoint}: {metric}{turned[endpoint, metric]}" for endpoint, metric in keys]
    panel.set_yticks(np.array(list(places.values())), names if named else [""] * len(keys), fontsize=8)
    panel.set_ylim(min(places.values()) - 0.8, -0.2)
    panel.tick_params(axis="y", length=0)
