"""A cohort read once: evidence, what the arrival-time encoders are to be trained on, and fates; before any split."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from model.arrival import ImagingEncoder, MolecularEncoder
from model.cohorts.folder import EVENTS, CohortCard, read_card
from model.encoder_phase import Recording, owners_of
from model.encoders.backbones import TileFeatures
from model.encoders.dna_backbones import SequenceFeatures
from model.labels import Labels, read_labels
from model.network import Network
from model.reading import HEAVY_TOPICS, Readers, Rules, pictures_of, read_cohort, views_of
from model.recording import RecordingGenomic, RecordingImaging
from model.survival import edges_until
from schemas.errors import Reason, Refused
from schemas.evidence import Evidence
from schemas.files import Files
from schemas.manifest import Manifest, Sizes, Tasks
from schemas.picture import View


@dataclass(frozen=True)
class HowRead:
    """How a cohort's events are read."""

    rules: Rules
    sizes: Sizes
    items: int
    """Tiles, bag rows or sequence pieces kept of each source to train its encoder on."""
    eyes: TileFeatures
    """What tiles go through first."""
    dna: SequenceFeatures
    """What sequences go through first."""


@dataclass(frozen=True)
class CohortData:
    """Everything of a cohort that no split changes."""

    folder: Path
    files: Files
    rules: Rules
    card: CohortCard
    tasks: Tasks
    patients: tuple[str, ...]
    labels: Labels
    recording: Recording
    light: tuple[Evidence, ...]
    """Evidence that needs no trained encoder."""
    refused: Counter[str]

    def views(self, network: Network, draft: Manifest) -> dict[str, View]:
        """What a network may see of each patient: files are read once more, through the encoders that will serve."""
        imaging = ImagingEncoder(network, draft, self.recording.imaging.eyes)
        genomic = MolecularEncoder(network, draft, self.recording.genomic.dna)
        readers = Readers(self.files, imaging, genomic, self.rules)
        heavy = read_cohort(self.folder, readers, HEAVY_TOPICS).evidence
        return views_of(pictures_of(self.light + heavy), draft.encoders, self.rules)


def read_data(folder: Path, files: Files, how: HowRead) -> CohortData:
    """Read a cohort folder; raises Refused, Unavailable."""
    card = read_card(folder)
    imaging = RecordingImaging(how.sizes.tile_pixels, how.items, card.feature_spaces, how.eyes)
    genomic = RecordingGenomic(how.items, how.sizes, how.dna)
    first = read_cohort(folder, Readers(files, imaging, genomic, how.rules))
    patients, tasks = tuple(pictures_of(first.evidence)), tasks_of(card)
    if not patients:
        refused = ", ".join(f"{count} {reason}" for reason, count in sorted(first.refused.items())) or "none"
        raise Refused(
            Reason.NO_PATIENT, f"{EVENTS} tells of nobody (messages refused: {refused}); make the cohort anew"
        )
    return CohortData(
        folder=folder,
        files=files,
        rules=how.rules,
        card=card,
        tasks=tasks,
        patients=patients,
        labels=read_labels(folder, patients, tasks),
        recording=Recording(imaging, genomic, owners_of(first.evidence, patients)),
        light=tuple(piece for piece in first.evidence if piece.origin.topic not in HEAVY_TOPICS),
        refused=first.refused,
    )


def tasks_of(card: CohortCard) -> Tasks:
    """What a network can learn of this cohort; survival bins end at its horizon."""
    return Tasks(
        diagnosis=card.tasks.diagnosis,
        treatments=card.tasks.treatments,
        endpoints=card.tasks.endpoints,
        edges_days=edges_until(card.tasks.horizon_days),
    )
