"""`oncostream evaluate`: out-of-fold predictions of a cohort's patients, and what they are worth."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from agents.behind import (
    Asked,
    Backbone,
    Backbones,
    Behind,
    Dna,
    Epochs,
    Fusion,
    Notes,
    Pathways,
    Seed,
    SettingsFile,
    asked,
    behind,
    require_writable,
)
from agents.exits import AskedWrongly
from agents.rows import say
from model.baselines.catalogue import BASELINES, SINGLE
from model.cohort_data import read_data
from model.cohorts.folder import CohortCard, read_card
from model.evaluation.calibration_floor import WORLDS, calibration_floors
from model.evaluation.folds import Assigned, read_folds, require_of
from model.evaluation.judged import judge_file
from model.evaluation.linear_alone import LINEAR
from model.evaluation.masking import require_blocks
from model.evaluation.plots import write_plots
from model.evaluation.predictions import Prediction, read_predictions, write_predictions
from model.evaluation.report import markdown
from model.evaluation.runner import OURS, Evaluation, Said
from model.evaluation.runner import evaluate as evaluate_folds
from model.table_fit import default_blocks
from model.train_settings import TrainSettings
from schemas.manifest import SMALL_CNN, SMALL_DNA
from streams.blobs import Blobs
from streams.file_rules import FileRules

REPORT = "report.md"
_NAMED = (OURS, *LINEAR, *BASELINES)
_MODELS = f"{', '.join(_NAMED)}, or {SINGLE}<block>"


def evaluate(
    cohort: Annotated[Path, typer.Argument(help="A cohort folder.")],
    folds: Annotated[Path, typer.Option(help="CSV of patient_id, repeat, fold; oncostream cohort folds makes one.")],
    out: Annotated[Path, typer.Option(help="CSV of the predictions; of several models, <out>-<model>.csv.")],
    model: Annotated[
        list[str] | None,
        typer.Option(help=f"{_MODELS}; default {OURS}. Repeat it."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="Also show test patients these blocks alone: pathology+blood. Baselines learn from them. Repeat it."
        ),
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="Predictions of a baseline to compare with. Repeat it.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for a report and plots.")] = None,
    settings: SettingsFile = None,
    fusion: Fusion = None,
    notes: Notes = None,
    backbone: Backbone = SMALL_CNN,
    dna: Dna = SMALL_DNA,
    backbones: Backbones = None,
    pathways: Pathways = None,
    epochs: Epochs = None,
    draws: Annotated[int, typer.Option(min=10, help="Draws of patients behind each interval.")] = 1000,
    workers: Annotated[int, typer.Option(min=1, help="Folds fitted at once, a process each.")] = 2,
    seed: Seed = None,
) -> None:
    """Fit on every fold's other patients, predict its own, and say how good that is."""
    if not cohort.is_dir():
        raise AskedWrongly(f"{cohort}: wanted a cohort folder; oncostream cohort makes one")
    models, views = tuple(model or [OURS]), ((), *(tuple(view.split("+")) for view in keep or []))
    _require_usable(models, out, against or [], report)
    cut, card = read_folds(folds), read_card(cohort)
    _require_blocks(card, models, views)
    chosen = asked(TrainSettings(card.name, "evaluation"), Asked(settings, seed, fusion, epochs))
    chosen = behind(chosen, Behind(notes, backbone, dna, backbones, pathways))
    data = read_data(cohort, Blobs(FileRules(allowed_folders=(cohort.resolve(),))), chosen.reading)
    require_of(cohort, data.patients, cut)
    found: Said = {}
    try:
        with _bar(f"{', '.join(models)}, {len({(one.repeat, one.fold) for one in cut})} folds") as moved:
            for done, said in evaluate_folds(Evaluation(data, cut, models, chosen, views), workers):
                for key, predictions in said.items():
                    found.setdefault(key, []).extend(predictions)
                moved(done)
    except ValueError as error:
        raise AskedWrongly(f"{cohort}: {error}") from None
    written = [_written(out, key, said, models, data.tasks.diagnosis) for key, said in found.items()]
    if report:
        whole = [file for file, (_, kept) in zip(written, found, strict=True) if not kept]
        _report(cohort, cut, [*whole, *(against or [])], report, draws)


def _require_usable(models: tuple[str, ...], out: Path, against: list[Path], report: Path | None) -> None:
    """Refuse now what would be refused after hours of fitting."""
    for name in models:
        if name not in _NAMED and name.removeprefix(SINGLE) in ("", name):
            raise AskedWrongly(f"--model {name}: wanted {_MODELS}")
    if out.is_dir():
        raise AskedWrongly(f"--out {out}: wanted a file; give {out / 'predictions.csv'}")
    for folder in (out.parent, report):
        if folder is not None:
            require_writable(folder)
    for file in against:
        read_predictions(file)


def _require_blocks(card: CohortCard, models: tuple[str, ...], views: tuple[tuple[str, ...], ...]) -> None:
    """Refuse now a block that the cohort does not have: by name it would be after the first fold was fitted."""
    single = (name.removeprefix(SINGLE) for name in models if name.startswith(SINGLE))
    require_blocks(card.table or default_blocks({}), {*single, *(block for view in views for block in view)})


def _written(
    out: Path,
    key: tuple[str, tuple[str, ...]],
    said: list[Prediction],
    models: tuple[str, ...],
    labels: tuple[str, ...],
) -> Path:
    """The file of one model and view."""
    model, kept = key
    parts = (out.stem, *([model.replace(":", "-")] if len(models) > 1 else []), *kept)
    file = out.with_name(f"{'-'.join(parts)}{out.suffix}")
    write_predictions(file, sorted(said, key=lambda one: (one.repeat, one.patient, one.endpoint)), labels)
    say(f"{file}: {len(said)} predictions")
    return file


def _report(cohort: Path, folds: tuple[Assigned, ...], files: list[Path], out: Path, draws: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    measures = [judge_file(file, cohort, folds, draws) for file in files]
    floors = calibration_floors(measures[0].study, min(draws, WORLDS))
    (out / REPORT).write_text(markdown(measures, floors=floors), encoding="utf-8")
    write_plots(measures, out)
    say(f"{out / REPORT}: {', '.join(file.stem for file in files)}")


@contextmanager
def _bar(text: str) -> Iterator[Callable[[float], None]]:
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(text, total=1.0)
        yield lambda done: progress.update(task, completed=done)
