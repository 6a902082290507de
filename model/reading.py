"""A cohort folder as patients with evidence, read by the very functions that serve, and what became of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from model.cohorts.folder import IMAGING_TOPIC, OBSERVATION_TOPIC, SEQUENCING_TOPIC, read_events
from model.intake.clinical import ClinicalRules, read_observation
from model.intake.genomic import GenomicEncoder, read_sequencing
from model.intake.genomic_files import GenomicRules
from model.intake.imaging import TileEncoder, read_imaging
from model.intake.imaging_files import ImagingRules
from schemas.errors import Refused
from schemas.evidence import Evidence, Modality
from schemas.files import Files
from schemas.message import Message
from schemas.picture import Picture, View, Window, merge_all, view

ALL_TOPICS = (OBSERVATION_TOPIC, IMAGING_TOPIC, SEQUENCING_TOPIC)
HEAVY_TOPICS = (IMAGING_TOPIC, SEQUENCING_TOPIC)


@dataclass(frozen=True)
class Rules:
    """How a cohort's events are read and what of a picture counts: as a deployment would."""

    clinical: ClinicalRules = field(default_factory=ClinicalRules)
    imaging: ImagingRules = field(default_factory=ImagingRules)
    genomic: GenomicRules = field(default_factory=GenomicRules)
    shelf_life: timedelta = timedelta(days=3650)
    newest: int = 256


@dataclass(frozen=True)
class Readers:
    """What turns messages into evidence: the seam for files, and the two arrival-time encoders."""

    files: Files
    imaging: TileEncoder
    genomic: GenomicEncoder
    rules: Rules

    def read(self, message: Message) -> tuple[Evidence, ...]:
        """The evidence of one message of a topic of ours; raises Refused, Unavailable."""
        if message.topic == OBSERVATION_TOPIC:
            return read_observation(message, self.rules.clinical).evidence
        if message.topic == IMAGING_TOPIC:
            return read_imaging(message, self.files, self.imaging, self.rules.imaging).evidence
        return read_sequencing(message, self.files, self.genomic, self.rules.genomic).evidence


@dataclass(frozen=True)
class Reading:
    """All evidence of a cohort, and how many messages were refused, by reason."""

    evidence: tuple[Evidence, ...]
    refused: Counter[str]


def read_cohort(cohort: Path, readers: Readers, topics: tuple[str, ...] = ALL_TOPICS) -> Reading:
    """Read the events of these topics in their order. A refusal costs its message, as it does in the stream."""
    found: list[Evidence] = []
    refused: Counter[str] = Counter()
    for message in read_events(cohort):
        if message.topic not in topics:
            continue
        try:
            found.extend(readers.read(message))
        except Refused as refusal:
            refused[refusal.reason] += 1
            found.extend(refusal.evidence)
    return Reading(tuple(found), refused)


def pictures_of(evidence: tuple[Evidence, ...]) -> dict[str, Picture]:
    """Patient -> picture, patients in the order of their names."""
    by_patient: dict[str, list[Evidence]] = {}
    for piece in evidence:
        by_patient.setdefault(piece.patient, []).append(piece)
    return {patient: merge_all({}, by_patient[patient]) for patient in sorted(by_patient)}


def views_of(pictures: Mapping[str, Picture], encoders: Mapping[str, str], rules: Rules) -> dict[str, View]:
    """What a network behind these encoders may see of each patient."""
    window = Window(
        shelf_life=dict.fromkeys(Modality, rules.shelf_life),
        newest=dict.fromkeys(Modality, rules.newest),
        encoders=encoders,
    )
    return {patient: view(picture, window) for patient, picture in pictures.items()}
