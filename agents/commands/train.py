"""`oncostream train`: a network from a cohort folder."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from agents.exits import AskedWrongly
from agents.rows import say
from model.cohorts.folder import read_card
from model.encoders.backbones import backbone as load_backbone
from model.encoders.dna_backbones import dna_backbone
from model.encoders.notes import load_notes
from model.encoders.pathway_table import read_pathways
from model.intake.clinical import ClinicalRules
from model.reading import Rules
from model.train_settings import TrainSettings
from model.training import train as train_network
from schemas.manifest import SMALL_CNN, SMALL_DNA, FusionKind
from streams.blobs import Blobs
from streams.file_rules import FileRules


def train(
    cohort: Annotated[Path, typer.Argument(help="A cohort folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the new network.")],
    name: Annotated[str | None, typer.Option(help="Name of the network; by default the cohort's.")] = None,
    intended_use: Annotated[str, typer.Option(help="Goes into the manifest and every result.")] = "research only",
    seed: Annotated[int, typer.Option(help="The same seed and cohort give the same network.")] = 0,
    fusion: Annotated[FusionKind, typer.Option(help="Kind of fusion.")] = "circuit",
    notes: Annotated[Path | None, typer.Option(help="Folder of a sentence encoder that reads notes.")] = None,
    backbone: Annotated[
        str, typer.Option(help="small-cnn, transformers:NAME, torchvision:NAME or timm:NAME.")
    ] = SMALL_CNN,
    dna: Annotated[str, typer.Option(help="What reads sequences: small-dnabert or dnabert2:NAME.")] = SMALL_DNA,
    backbones: Annotated[
        Path | None, typer.Option(help="Folder with the weights of the backbone and of dnabert2:NAME.")
    ] = None,
    pathways: Annotated[
        Path | None, typer.Option(help="TSV of gene_a, gene_b; by default the bundled pathways.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many epochs in each phase.")] = None,
) -> None:
    """Train a network on a cohort folder: encoders, imputer and fusion, circuit; then calibrate it."""
    if not cohort.is_dir():
        raise AskedWrongly(f"{cohort}: wanted a cohort folder; oncostream cohort makes one")
    settings = TrainSettings(name=name or read_card(cohort).name, intended_use=intended_use, seed=seed, fusion=fusion)
    settings = _frozen(_behind(settings, notes, pathways), backbone, dna, backbones)
    if epochs:
        encoders, student = replace(settings.encoders, epochs=epochs), replace(settings.student, epochs=epochs)
        settings = replace(settings, encoders=encoders, student=student)
    files = Blobs(FileRules(allowed_folders=(cohort.resolve(),)))
    with _Phases() as phases:
        try:
            manifest = train_network(cohort, out, files, settings, phases.report)
        except ValueError as error:
            raise AskedWrongly(f"{cohort}: {error}") from None
    say(f"{out}: {manifest.model}, trained on {', '.join(manifest.modalities)}")


def _behind(settings: TrainSettings, notes: Path | None, pathways: Path | None) -> TrainSettings:
    """The settings with what comes from elsewhere: a notes encoder, a table of pathways."""
    try:
        if notes:
            encoder = load_notes(notes, settings.sizes.width)
            settings = replace(settings, rules=Rules(clinical=ClinicalRules(notes=encoder)))
        if pathways:
            settings = replace(settings, pathways=read_pathways(pathways))
    except ValueError as error:
        raise AskedWrongly(str(error)) from None
    return settings


def _frozen(settings: TrainSettings, eyes: str, dna: str, folder: Path | None) -> TrainSettings:
    """The settings with what is frozen and comes by name from the folder of backbones."""
    try:
        return replace(settings, backbone=load_backbone(eyes, folder), dna=dna_backbone(dna, folder))
    except ValueError as error:
        raise AskedWrongly(str(error)) from None


class _Phases(Progress):
    """A bar a phase, on stderr."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[loss]}"))
        super().__init__(*columns, TimeElapsedColumn(), console=Console(stderr=True))
        self._tasks_by_phase: dict[str, TaskID] = {}

    def report(self, phase: str, done: float, loss: float) -> None:
        """Show that `done` (0 to 1) of a phase is behind us, at this loss."""
        if phase not in self._tasks_by_phase:
            self._tasks_by_phase[phase] = self.add_task(phase, total=1.0, loss="")
        self.update(self._tasks_by_phase[phase], completed=done, loss=f"loss {loss:.4f}")
