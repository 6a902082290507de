"""What the student's lesson, its phases and its core are worth: one part changed at a time, all else the same.

    python docs/evidence/variants.py COHORT FOLDS.csv OUT [GROUP ...]

Groups: lessons, temperatures, phases, cores (default: all but temperatures, which need diagnosis labels). Encoders
and linear roads are fitted once a fold; each variant trains its own student behind them. Every variant says its
piece twice: the fusion voice alone, which is what varies, and all voices, which is what is served. Writes
OUT/<variant>-<voice>.csv and OUT/variants.md.
"""

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.checkpoints import Checkpoints
from model.cohort_data import CohortData, read_data
from model.descent import silent
from model.distillation import Lesson
from model.evaluation.fold import Forecast
from model.evaluation.folds import Assigned, read_folds
from model.evaluation.forecasts import forecast_of, predictions_of, voices_of
from model.evaluation.judged import judge
from model.evaluation.measure import NAMING, Measures
from model.evaluation.predictions import Prediction, write_predictions
from model.evaluation.resampling import holm, interval, two_sided
from model.evaluation.runner import Cut, cut_of
from model.fitting import Prepared, finish, prepare
from model.looking import Fitted
from model.survival import torch_curves
from model.train_settings import TrainSettings
from streams.blobs import Blobs
from streams.file_rules import FileRules

BASE = TrainSettings(name="variants", intended_use="evaluation")
SERVED = "as shipped"
EPOCHS = BASE.student.epochs + BASE.circuit_epochs
_WHOLE = replace(BASE, student=replace(BASE.student, epochs=EPOCHS), circuit_epochs=0)
GROUPS: Mapping[str, Mapping[str, TrainSettings]] = {
    "lessons": {
        "own fate alone": replace(BASE, lesson=Lesson(alpha=0.0)),
        "kl, alpha .5": replace(BASE, lesson=Lesson(alpha=0.5)),
        "kl, alpha 1": replace(BASE, lesson=Lesson(alpha=1.0)),
        "kl, alpha .9, rotating": replace(BASE, lesson=Lesson(rotating=True)),
        "mse, alpha .5": replace(BASE, lesson=Lesson(kind="mse", alpha=0.5)),
        "mse, alpha .9": replace(BASE, lesson=Lesson(kind="mse")),
    },
    "temperatures": {
        "own fate alone": replace(BASE, lesson=Lesson(alpha=0.0)),
        **{f"kl, T {t}": replace(BASE, lesson=Lesson(temperature=t)) for t in (1.0, 2.0, 8.0)},
        "kl, T 4, alpha .5": replace(BASE, lesson=Lesson(alpha=0.5)),
        "dkd, T 4": replace(BASE, lesson=Lesson(kind="dkd")),
        "mse": replace(BASE, lesson=Lesson(kind="mse")),
    },
    "phases": {
        "two phases, no circuit phase": _WHOLE,
        "one phase, no teacher": replace(_WHOLE, lesson=Lesson(alpha=0.0)),
    },
    "cores": {
        "mlp": replace(BASE, fusion="mlp"),
        "fourier": replace(BASE, fusion="fourier"),
        "none": replace(BASE, fusion="none"),
    },
}
VOICES, DRAWS = ("fusion", "all voices"), 1000
Said = dict[tuple[str, str], list[Prediction]]
_given: list[tuple[CohortData, tuple[Assigned, ...], Mapping[str, TrainSettings]]] = []
"""Of a worker process: what it was started with."""


def main(cohort: Path, folds: Path, out: Path, groups: list[str]) -> None:
    """Fit every variant on every fold, measure, write."""
    data = read_data(cohort, Blobs(FileRules(allowed_folders=(cohort.resolve(),))), BASE.reading)
    cut = read_folds(folds)
    variants = {SERVED: BASE} | {name: one for group in groups for name, one in GROUPS[group].items()}
    said: Said = {}
    with ProcessPoolExecutor(2, get_context("fork"), _begin, (data, cut, variants)) as pool:
        for part in pool.map(_fold, sorted({(one.repeat, one.fold) for one in cut})):
            for key, predictions in part.items():
                said.setdefault(key, []).extend(predictions)
    out.mkdir(parents=True, exist_ok=True)
    for (name, voice), predictions in said.items():
        file = out / f"{name}-{voice}.csv".replace(" ", "_").replace(",", "")
        write_predictions(file, sorted(predictions, key=lambda one: (one.repeat, one.patient)), data.tasks.diagnosis)
    measures = {
        key: judge("-".join(key), predictions, data.tasks.diagnosis, cohort, cut, DRAWS)
        for key, predictions in said.items()
    }
    (out / "variants.md").write_text("\n\n".join(_pages(measures, groups)) + "\n", encoding="utf-8")


def _pages(measures: Mapping[tuple[str, str], Measures], groups: list[str]) -> Iterator[str]:
    yield f"    python {' '.join(sys.argv)}"
    for group in groups:
        for voice in VOICES:
            first, others = measures[SERVED, voice], {name: measures[name, voice] for name in GROUPS[group]}
            keys = [key for key in first.figures if _is_shown(key)]
            titles = " | ".join(f"{metric}, {endpoint} | minus “{SERVED}”, p" for metric, endpoint in keys)
            rows = [f"| {SERVED} | " + " | ".join(f"{first.figures[key][0]:.4f} | " for key in keys) + "|"]
            cells = [list(_cells(first, others, key)) for key in keys]
            rows += [f"| {name} | {' | '.join(row)} |" for name, *row in zip(others, *cells, strict=True)]
            head = f"| {group} | {titles} |\n|{'---|' * (1 + 2 * len(keys))}"
            yield f"## {group}: {voice}\n\n{head}\n" + "\n".join(rows)


def _is_shown(key: tuple[str, str]) -> bool:
    mean = key[1].startswith("mean") and key[0].startswith(("Uno", "Brier skill"))
    return mean or (key[1] == NAMING and key[0] in ("accuracy", "log loss (nats)"))


def _cells(first: Measures, others: Mapping[str, Measures], key: tuple[str, str]) -> Iterator[str]:
    """Each variant's figure, its paired difference with interval, and p by Holm over the group's variants."""
    differences = [one.figures[key] - first.figures[key] for one in others.values()]
    chances = holm([two_sided(values[1:]) for values in differences])
    for one, values, chance in zip(others.values(), differences, chances, strict=True):
        low, high = interval(values[1:])
        yield f"{one.figures[key][0]:.4f} | {values[0]:+.4f} ({low:+.4f}…{high:+.4f}), {chance:.2f}"


def _begin(data: CohortData, folds: tuple[Assigned, ...], variants: Mapping[str, TrainSettings]) -> None:
    torch.set_num_threads(1)
    _given.append((data, folds, variants))


def _fold(place: tuple[int, int]) -> Said:
    """Every variant of one fold."""
    data, folds, variants = _given[-1]
    cut = cut_of(data, folds, BASE, *place)
    behind: dict[str, Prepared] = {}
    found: Said = {}
    for name, asked in variants.items():
        settings = replace(asked, seed=cut.seed)
        if asked.fusion not in behind:
            behind[asked.fusion] = prepare(data, cut.roles, settings, silent, Checkpoints())
        fitted = finish(deepcopy(behind[asked.fusion]), settings, silent, Checkpoints())
        for voice, (rows, forecast) in _heard(fitted, cut, data).items():
            names = [data.patients[row] for row in rows.tolist()]
            found[name, voice] = list(predictions_of(forecast, names, data.tasks, *place))
    return found


@torch.no_grad()
def _heard(fitted: Fitted, cut: Cut, data: CohortData) -> dict[str, tuple[Tensor, Forecast]]:
    examples = fitted.examples
    rows = cut.tested[examples.present[cut.tested].any(1)]
    curves, classes = [], []
    for _, voices in voices_of(fitted, examples, rows, data.patients):
        curves.append(torch_curves(voices.fusion.hazard.double()).mean((1, 2)).numpy())
        classes.append(voices.fusion.diagnosis.double().softmax(-1).mean((1, 2)).numpy())
    alone = Forecast(np.concatenate(curves), np.concatenate(classes))
    return dict(zip(VOICES, ((rows, alone), (rows, forecast_of(fitted, examples, rows, data.patients))), strict=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:] or ["lessons", "phases", "cores"])
