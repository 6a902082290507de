"""The figures as Markdown: what each model reaches, what it gains on each baseline, what could not be measured."""

from collections.abc import Iterable, Sequence

import numpy as np

from model.evaluation.calibration_floor import Floor
from model.evaluation.conformal import Covered
from model.evaluation.measure import Difference, LeftOut, Measured, Measures, compare
from model.evaluation.metrics import BETTER, Better

_NOTES = (
    "Figures are means over the repeats; 95 % percentile intervals over {draws} draws of patients (seed {seed}) in "
    "parentheses: they cover the luck of the test patients, not that of refitting. Censoring is weighted by the "
    "training patients' Kaplan-Meier. C and AUC compare patients of one test fold; Uno's C is truncated at 5 years. "
    "Brier skill is 1 - integrated Brier / that of the training patients' Kaplan-Meier. ECE: 10 bins of equally many "
    "patients; as a sum of distances it grows with every resampling, so that its interval may lie above the figure: "
    "compare models by their difference."
)

_FLOORS = (
    "Counting patients in bins makes an error by itself. Here every predicted curve is taken for true, and fates are "
    "drawn from it with the censoring of these patients. An error that many such worlds exceed is no sign of bad "
    "calibration."
)


def markdown(measures: Sequence[Measures], coverage: Sequence[Covered] = (), floors: Sequence[Floor] = ()) -> str:
    """The whole report: the first of `measures` is the model, of which the floors are; the others are baselines."""
    model, *baselines = measures
    parts = [_heading(model), measures_table(measures)]
    if baselines:
        differences = [compare(model, baseline) for baseline in baselines]
        parts += [f"## {_cell(model.study.name)} minus each baseline", differences_table(differences, model.draws)]
    if floors:
        parts += ["## Calibration error of the truth", _FLOORS, floors_table(floors)]
    if coverage:
        parts += ["## Conformal coverage by availability pattern", coverage_table(coverage)]
    left_out = [(one.study.name, what) for one in measures for what in one.left_out]
    if left_out:
        parts += ["## Left out", _left_out_list(left_out)]
    return "\n\n".join(parts) + "\n"


def measures_table(measures: Sequence[Measures]) -> str:
    """A row a metric and endpoint, a column a model."""
    columns = [{(row.metric, row.endpoint): row for row in one.rows()} for one in measures]
    keys = list(dict.fromkeys(key for column in columns for key in column))
    head, draws = ("endpoint", "metric", "better", *(one.study.name for one in measures)), measures[0].draws
    rows = [
        (endpoint, metric, BETTER[metric], *(_figure(column.get((metric, endpoint)), draws) for column in columns))
        for metric, endpoint in keys
    ]
    return _table(head, rows)


def differences_table(differences: Sequence[Sequence[Difference]], draws: int) -> str:
    """A row a metric and endpoint, a column a baseline; bold where the interval is clear of 0."""
    columns = [{(row.metric, row.endpoint): row for row in one} for one in differences]
    keys = list(dict.fromkeys(key for column in columns for key in column))
    head = ("endpoint", "metric", "better", *(f"- {one[0].against}" for one in differences if one))
    rows = [
        (
            endpoint,
            metric,
            BETTER[metric],
            *(_difference(column.get((metric, endpoint)), draws) for column in columns if column),
        )
        for metric, endpoint in keys
    ]
    said = "Bold: the interval is clear of 0; (worse): on the wrong side of it."
    return f"{said}\n\n{_table(head, rows)}"


def floors_table(floors: Iterable[Floor]) -> str:
    """A row an endpoint, year and number of bins."""
    head = ("endpoint", "year", "bins", "ECE", "if all were true: mean", "95 % quantile", "worlds with more")
    rows = [
        (
            *(one.endpoint, str(one.year), str(one.bins)),
            *(f"{each:.3f}" for each in (one.found, one.mean, one.high)),
            f"{one.above:.2f}",
        )
        for one in floors
    ]
    return _table(head, rows)


def coverage_table(coverage: Iterable[Covered]) -> str:
    """A row an availability pattern."""
    rows = [(one.pattern, str(one.patients), f"{one.coverage:.3f}", f"{one.standard_error:.3f}") for one in coverage]
    return _table(("pattern", "patients", "coverage", "standard error"), rows)


def _heading(model: Measures) -> str:
    study = model.study
    tests = f"{len(study.patients)} patients, {study.fold.shape[1]} repeats of {study.fold.max() + 1} folds."
    events = [
        f"{endpoint}: {int(study.event[:, column].sum())} events among {int(np.isfinite(study.days[:, column]).sum())}"
        for column, endpoint in enumerate(study.endpoints)
    ]
    notes = _NOTES.format(draws=model.draws, seed=model.seed)
    return f"# Out-of-fold evaluation\n\n{tests} {'; '.join(events) or 'No endpoint'}.\n\n{notes}"


def _figure(row: Measured | None, draws: int) -> str:
    return "-" if row is None else f"{row.value:.3f} {_interval(row, draws, '.3f')}"


def _difference(row: Difference | None, draws: int) -> str:
    if row is None:
        return "-"
    text = f"{row.value:+.3f} {_interval(row, draws, '+.3f')}"
    if not (row.low > 0 or row.high < 0):
        return text
    good = (row.low > 0) == (BETTER[row.metric] is Better.HIGHER)
    return f"**{text}**" if good else f"**{text}** (worse)"


def _interval(row: Measured | Difference, draws: int, digits: str) -> str:
    """The interval, and of how many draws where some have no value."""
    if not row.draws:
        return "(no interval)"
    fewer = f"; {row.draws} draws" if row.draws < draws else ""
    return f"({row.low:{digits}} to {row.high:{digits}}{fewer})"


def _left_out_list(left_out: Sequence[tuple[str, LeftOut]]) -> str:
    return "\n".join(f"- {name}, {what.endpoint}, {what.metric}: {what.why}." for name, what in left_out)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
