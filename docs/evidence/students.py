"""Does teaching help a student who sees one block alone? Against the same student alone, under every ridge.

    python docs/evidence/students.py COHORT FOLDS.csv OUT

The student is the linear model of one block (`model/linear_fit.py`); its teacher the plain road that sees every block,
through weights that never saw the patient. Controls: the student alone with its ridge times 1, 3, 10 and 30, and a
teacher whose opinions are dealt to other patients. Writes OUT/<block>-<student>.csv and OUT/students.md.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.cohort_data import CohortData, read_data
from model.descent import silent
from model.evaluation.fold import Forecast
from model.evaluation.folds import Assigned, read_folds
from model.evaluation.forecasts import predictions_of
from model.evaluation.judged import judge
from model.evaluation.measure import Measures, compare
from model.evaluation.predictions import Prediction
from model.evaluation.runner import cut_of
from model.fitting import road_training
from model.heads import Logits
from model.linear import LinearRoad, logits_of
from model.linear_fit import Block, Ridge, fit_block, score_of
from model.linear_roads import RoadSetting, Training, fit_roads
from model.looking import columns_of, look
from model.survival import torch_curves
from model.targets import Targets, taught
from model.train_settings import TrainSettings
from streams.blobs import Blobs
from streams.file_rules import FileRules

RIDGES, ALPHA, DRAWS = (1, 3, 10, 30), 0.9, 1000
SETTINGS = TrainSettings(name="students", intended_use="evaluation")
Said = dict[tuple[str, str], list[Prediction]]
_given: list[tuple[CohortData, tuple[Assigned, ...]]] = []
"""Of a worker process: what it was started with."""


def main(cohort: Path, folds: Path, out: Path) -> None:
    """Fit every fold, measure, write the page."""
    data = read_data(cohort, Blobs(FileRules(allowed_folders=(cohort.resolve(),))), SETTINGS.reading)
    cut = read_folds(folds)
    said: Said = {}
    with ProcessPoolExecutor(2, get_context("fork"), _begin, (data, cut)) as pool:
        for part in pool.map(_fold, sorted({(one.repeat, one.fold) for one in cut})):
            for key, predictions in part.items():
                said.setdefault(key, []).extend(predictions)
    measures = {key: judge("-".join(key), predictions, (), cohort, cut, DRAWS) for key, predictions in said.items()}
    out.mkdir(parents=True, exist_ok=True)
    (out / "students.md").write_text(page(measures, sys.argv), encoding="utf-8")


def page(measures: dict[tuple[str, str], Measures], command: list[str]) -> str:
    """The figures as Markdown."""
    lines = [
        "# Taught single-block students against themselves",
        f"    python {' '.join(command)}",
        "MEAN: mean of the first two endpoints' Uno C at 5 years. Differences are paired, 95 % intervals over "
        f"{DRAWS} draws of patients. The ridge that does best alone is known from these very test folds: picking it "
        "favours the student alone. Sensitivity at 90 % specificity is asked at 2 years, of the last endpoint.",
        "| block | student | MEAN Uno C | taught minus it | sensitivity | taught minus it |\n|---|---|---|---|---|---|",
    ]
    for block in dict.fromkeys(block for block, _ in measures):
        students = {name: one for (where, name), one in measures.items() if where == block}
        rows = [_row(block, name, one, students["taught"]) for name, one in students.items()]
        lines[-1] += "\n" + "\n".join(rows)
    return "\n\n".join(lines) + "\n"


def _row(block: str, name: str, one: Measures, teacher: Measures) -> str:
    last = one.study.endpoints[-1]
    primary, sensitivity = _keys(one, last)
    differences = {(d.metric, d.endpoint): d for d in compare(teacher, one)}
    cells = []
    for key in (primary, sensitivity):
        difference = differences[key]
        cells += [
            f"{one.figures[key][0]:.3f}",
            f"{difference.value:+.3f} ({difference.low:+.3f}…{difference.high:+.3f})",
        ]
    return f"| {block} | {name} | {' | '.join(cells)} |"


def _keys(one: Measures, last: str) -> tuple[tuple[str, str], tuple[str, str]]:
    primary = next(key for key in one.figures if key[0].startswith("Uno") and key[1].startswith("mean"))
    return primary, next(key for key in one.figures if "ensitivity" in key[0] and key[1] == last)


def _begin(data: CohortData, folds: tuple[Assigned, ...]) -> None:
    torch.set_num_threads(1)
    _given.append((data, folds))


def _fold(cut: tuple[int, int]) -> Said:
    """Every student of one fold."""
    (data, folds), (repeat, fold) = _given[-1], cut
    whole = cut_of(data, folds, SETTINGS, repeat, fold)
    seen = look(data, whole.roles, replace(SETTINGS, seed=whole.seed), silent)
    training, columns = road_training(seen, whole.seed), columns_of(seen.network, seen.examples).double()
    opinion, _ = fit_roads(seen.network.plain, seen.network.taught, training, RoadSetting())
    teacher = Logits(*(part.double() for part in opinion.logits))
    found: Said = {}
    for place, block in enumerate(training.table.blocks):
        rows = whole.tested[seen.examples.block[whole.tested, place]]
        names = [data.patients[row] for row in rows.tolist()]
        for name, student in _students(training, teacher, place, whole.seed, seen.network.plain):
            forecast = Forecast(student(columns[rows]), np.zeros((len(rows), 0)))
            found[block.name, name] = list(predictions_of(forecast, names, data.tasks, repeat, fold))
    return found


def _students(
    training: Training, teacher: Logits, place: int, seed: int, road: LinearRoad
) -> Iterator[tuple[str, Callable[[Tensor], np.ndarray]]]:
    """(name, columns (n, C) -> survival (n, P, J)): alone under each ridge, taught, taught by a shuffled teacher."""
    own = Ridge()
    for times in RIDGES:
        yield f"alone, ridge x {times}", _student(training, training.targets, place, own.times(times), road)
    order = torch.randperm(len(training.columns), generator=torch.Generator().manual_seed(seed))
    shuffled = Logits(*(part[order] for part in teacher))
    for name, one in (("taught", teacher), ("taught by a shuffled teacher", shuffled)):
        yield name, _student(training, taught(training.targets, one, ALPHA), place, own, road)


def _student(
    training: Training, targets: Targets, place: int, ridge: Ridge, road: LinearRoad
) -> Callable[[Tensor], np.ndarray]:
    rows = torch.nonzero(training.present[:, place]).squeeze(1)
    block: Block = training.of_block(place, rows, targets, road.late.double())
    weights = fit_block(block, ridge)

    def survival(columns: Tensor) -> np.ndarray:
        total = score_of(columns[:, training.places(place)], weights)
        logits = logits_of(total, weights["offset"], weights["baseline"], block.late, block.sizes)
        return torch_curves(logits.hazard).numpy()

    return survival


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
