"""What a network needs from a folder of its own, opened for a worker and checked by `doctor`: images, DNA, notes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from model.arrival import ImagingEncoder, MolecularEncoder
from model.encoders.backbones import backbone
from model.encoders.dna_backbones import dna_backbone
from model.encoders.notes import NoteEncoder, load_notes
from model.serving import Predictor
from schemas.manifest import Manifest
from streams.settings import Settings, WrongSettings


def imaging_encoder(predictor: Predictor, settings: Settings) -> ImagingEncoder:
    """What reads images, behind the backbone that the network was trained behind; raises `WrongSettings`."""
    with _set_by("ONCOSTREAM_BACKBONES"):
        found = backbone(predictor.manifest.backbone, settings.places.backbones)
        return ImagingEncoder(predictor.network, predictor.manifest, found)


def molecular_encoder(predictor: Predictor, settings: Settings) -> MolecularEncoder:
    """What reads sequences and gene values, behind the network's DNA encoder; raises `WrongSettings`."""
    with _set_by("ONCOSTREAM_BACKBONES"):
        found = dna_backbone(predictor.manifest.dna, settings.places.backbones)
        return MolecularEncoder(predictor.network, predictor.manifest, found)


def note_encoder(manifest: Manifest, settings: Settings) -> NoteEncoder | None:
    """What reads notes, whether or not the network knows its vectors; None where none is set. `WrongSettings`."""
    folder = settings.places.notes_encoder
    if folder is None:
        return None
    torch.set_num_threads(1)  # as a predictor does: another number of threads may give other bits
    with _set_by("ONCOSTREAM_NOTES_ENCODER"):
        return load_notes(folder, manifest.sizes.width)


@contextmanager
def _set_by(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise WrongSettings(f"{name}: {error}") from None
    except OSError as error:
        found = f"{error.filename or 'a file'} cannot be read ({error.strerror or type(error).__name__})"
        raise WrongSettings(f"{name}: {found}; copy it again, and let the workers' user read it") from None
