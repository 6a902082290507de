"""What `train` and `evaluate` ask for alike: notes, pathways and frozen encoders behind a network, and how long."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated

import typer

from agents.exits import AskedWrongly
from model.encoders.backbones import backbone
from model.encoders.dna_backbones import dna_backbone
from model.encoders.notes import load_notes
from model.encoders.pathway_table import read_pathways
from model.intake.clinical import ClinicalRules
from model.reading import Rules
from model.settings_file import with_file
from model.train_settings import MAX_SEED, TrainSettings
from schemas.manifest import SMALL_CNN, SMALL_DNA, FusionKind

Notes = Annotated[Path | None, typer.Option(help="Folder of a sentence encoder that reads notes.")]
Backbone = Annotated[str, typer.Option(help="small-cnn, transformers:NAME, torchvision:NAME or timm:NAME.")]
Dna = Annotated[str, typer.Option(help="What reads sequences: small-dnabert or dnabert2:NAME.")]
Backbones = Annotated[Path | None, typer.Option(help="Folder with the weights of the backbone and of dnabert2:NAME.")]
Pathways = Annotated[Path | None, typer.Option(help="TSV of gene_a, gene_b; by default the bundled pathways.")]
Seed = Annotated[int | None, typer.Option(min=0, max=MAX_SEED, help="The same seed gives the same answer; default 0.")]
Fusion = Annotated[FusionKind | None, typer.Option(help="Kind of fusion; default circuit.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="JSON like the settings.json of a run; options go before it.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="At most so many epochs in each phase: for a first look.")]


@dataclass(frozen=True)
class Asked:
    """What was asked for; None: as the settings file has it, or as it is by default."""

    settings: Path | None = None
    seed: int | None = None
    fusion: FusionKind | None = None
    epochs: int | None = None


@dataclass(frozen=True)
class Behind:
    """What comes from elsewhere, as it was asked for."""

    notes: Path | None = None
    backbone: str = SMALL_CNN
    dna: str = SMALL_DNA
    backbones: Path | None = None
    """The folder with what `backbone` and `dna` name."""
    pathways: Path | None = None


def asked(settings: TrainSettings, said: Asked) -> TrainSettings:
    """The settings as the file has them, then as the options do; raises AskedWrongly."""
    try:
        settings = with_file(settings, said.settings) if said.settings else settings
    except ValueError as error:
        raise AskedWrongly(f"--settings {error}") from None
    if said.seed is not None:
        settings = replace(settings, seed=said.seed)
    if said.fusion is not None:
        settings = replace(settings, fusion=said.fusion)
    return settings.within(said.epochs)


def behind(settings: TrainSettings, asked: Behind) -> TrainSettings:
    """The settings with all of it read; raises AskedWrongly."""
    try:
        eyes, dna = backbone(asked.backbone, asked.backbones), dna_backbone(asked.dna, asked.backbones)
        settings = replace(settings, backbone=eyes, dna=dna)
        if asked.notes:
            encoder = load_notes(asked.notes, settings.sizes.width)
            settings = replace(settings, rules=Rules(clinical=ClinicalRules(notes=encoder)))
        if asked.pathways:
            settings = replace(settings, pathways=read_pathways(asked.pathways))
    except ValueError as error:
        raise AskedWrongly(str(error)) from None
    return settings


def require_writable(folder: Path) -> None:
    """Refuse now, and not after hours of fitting, a folder that cannot be made or written to; raises AskedWrongly."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise AskedWrongly(f"{folder}: {error.strerror}; give a folder where files can be written") from None
