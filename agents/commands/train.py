"""`oncostream train`: a network from a cohort folder, in one process or as one of many that a launcher started."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

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
from model.accelerated import accelerated
from model.cohorts.folder import read_card
from model.hardware import Hardware
from model.train_settings import TrainSettings
from model.training import train as train_network
from schemas.errors import Refused, Unavailable
from schemas.manifest import SMALL_CNN, SMALL_DNA
from streams.blobs import Blobs
from streams.file_rules import FileRules

_GRACE_SECONDS = 2.0
"""How long the others leave the first process to say why all of them fail."""


def train(
    cohort: Annotated[Path, typer.Argument(help="A cohort folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the new network.")],
    name: Annotated[str | None, typer.Option(help="Name of the network; by default the cohort's.")] = None,
    intended_use: Annotated[str, typer.Option(help="Goes into the manifest and every result.")] = "research only",
    settings: SettingsFile = None,
    seed: Seed = None,
    fusion: Fusion = None,
    notes: Notes = None,
    backbone: Backbone = SMALL_CNN,
    dna: Dna = SMALL_DNA,
    backbones: Backbones = None,
    pathways: Pathways = None,
    epochs: Epochs = None,
) -> None:
    """Train a network on a cohort folder: encoders, imputer and fusion, circuit; then calibrate it."""
    with accelerated() as hardware, _one_voice(hardware):
        if not cohort.is_dir():
            raise AskedWrongly(f"{cohort}: wanted a cohort folder; oncostream cohort makes one")
        title = name or read_card(cohort).name
        chosen = asked(TrainSettings(title, intended_use), Asked(settings, seed, fusion, epochs))
        chosen = behind(chosen, Behind(notes, backbone, dna, backbones, pathways))
        require_writable(out)
        _train(cohort, out, chosen, hardware)


def _train(cohort: Path, out: Path, settings: TrainSettings, hardware: Hardware) -> None:
    files = Blobs(FileRules(allowed_folders=(cohort.resolve(),)))
    with Phases(shown=hardware.first) as phases:
        try:
            manifest = train_network(cohort, out, files, settings, phases.report, hardware)
        except ValueError as error:
            raise AskedWrongly(f"{cohort}: {error}") from None
    if hardware.first:
        say(f"{out}: {manifest.model}, trained on {', '.join(manifest.modalities)}")


@contextmanager
def _one_voice(hardware: Hardware) -> Iterator[None]:
    """Of several processes the first says why they fail; the others end with the same exit code."""
    try:
        yield
    except (AskedWrongly, Refused, Unavailable) as error:
        if hardware.first:
            raise
        sleep(_GRACE_SECONDS)  # a launcher ends the others, the first among them, as soon as one has failed
        raise SystemExit(4 if isinstance(error, Unavailable) else 2) from None


class Phases(Progress):
    """A bar a phase, on stderr."""

    def __init__(self, *, shown: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[loss]}"))
        super().__init__(*columns, TimeElapsedColumn(), console=Console(stderr=True), disable=not shown)
        self._tasks_by_phase: dict[str, TaskID] = {}

    def report(self, phase: str, done: float, loss: float) -> None:
        """Show that `done` (0 to 1) of a phase is behind us, at this loss."""
        if phase not in self._tasks_by_phase:
            for before in self._tasks_by_phase.values():  # one that ended early has no end of its bar to stop its clock
                self.stop_task(before)
            self._tasks_by_phase[phase] = self.add_task(phase, total=1.0, loss="")
        self.update(self._tasks_by_phase[phase], completed=done, loss=f"loss {loss:.4f}")
