"""The page that every plot is drawn on: a grid of panels, without pyplot's global state, saved as PNG."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, told apart without colour vision."""
QUIET = "#8a8a8a"
_PANEL_INCHES = (4.3, 3.7)
_LETTERS = 46
"""Of a title, above one panel."""


def page(rows: int, columns: int, title: str) -> tuple[Figure, list[list[Axes]]]:
    """A figure of rows x columns panels under one title, and its panels."""
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width * columns, height * rows + 0.5), layout="constrained")
    figure.suptitle(fill(title, _LETTERS * columns), fontsize=11)
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="#e6e6e6", linewidth=0.6)
        panel.set_axisbelow(True)
    return figure, [list(row) for row in np.asarray(panels)]


def colours(many: int) -> Sequence[str]:
    """One colour each, in order, again from the start after the seventh."""
    return [COLOURS[number % len(COLOURS)] for number in range(many)]


def say_nothing(panel: Axes, why: str) -> None:
    """A panel that has nothing to show says why."""
    panel.text(0.5, 0.5, why, ha="center", va="center", transform=panel.transAxes, color=QUIET, wrap=True)
    panel.set_axis_off()


def save(figure: Figure, path: Path) -> Path:
    """Write the PNG; without a date or a version in it, so that the same figures give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=150, metadata={"Software": None})
    return path
