"""What a training run is asked for."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Self

from pydantic import Field

from model.cohort_data import HowRead
from model.descent import Descent
from model.distillation import Lesson
from model.encoders.backbones import OwnCnn, TileFeatures
from model.encoders.dna_backbones import OwnDna, SequenceFeatures
from model.encoders.pathway_table import Edges, read_pathways
from model.joint_training import StudentSetting
from model.linear_roads import RoadSetting
from model.reading import Rules
from schemas.bounds import Count, CountOrZero, Rate
from schemas.manifest import FusionKind, Sizes

MAX_SEED = 2**31 - 1
"""scikit-learn takes 32 bits, and an evaluation adds to it for every fold."""


@dataclass(frozen=True)
class TrainSettings:
    """What a training run is asked for; the same settings and cohort give the same network."""

    name: str
    intended_use: str
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    fusion: FusionKind = "circuit"
    sizes: Sizes = field(default_factory=Sizes)
    rules: Rules = field(default_factory=Rules)
    """How events are read; with `rules.clinical.notes`, the network is trained behind that encoder of notes."""
    backbone: TileFeatures = field(default_factory=OwnCnn)
    """What tiles go through first."""
    dna: SequenceFeatures = field(default_factory=OwnDna)
    """What sequences go through first."""
    encoders: Descent = field(default_factory=lambda: Descent(epochs=30, rate=5e-4, patience=8))
    roads: RoadSetting = field(default_factory=RoadSetting)
    lesson: Lesson = field(default_factory=Lesson)
    student: StudentSetting = field(default_factory=StudentSetting)
    circuit_epochs: CountOrZero = 30
    circuit_rate: Rate = 5e-3
    held_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the patients held out, for stopping and calibration."""
    least_patients: Count = 5
    """Training patients that a modality needs; with fewer the network does without it."""
    items: Count = 16
    """Tiles, bag rows or sequence pieces kept of each source to train its encoder on."""
    genes: Count = 512
    """Longest list of gene values."""
    pathways: Edges = field(default_factory=read_pathways)
    """Gene interactions; by default the bundled table of oncogenic pathways."""

    @property
    def reading(self) -> HowRead:
        """How the cohort is read."""
        return HowRead(self.rules, self.sizes, self.items, self.backbone, self.dna)

    @property
    def limits(self) -> str:
        """How long each phase may run, in words: a network that was cut short to try something says so."""
        epochs = f"{self.encoders.epochs} epochs of the encoders, {self.student.epochs} of the student"
        return f"{epochs}, {self.circuit_epochs} of the circuit, {self.roads.steps} steps of the linear roads"

    def within(self, epochs: int | None) -> Self:
        """At most so many epochs a phase, and ten times as many steps of the linear roads' solver; None: as set."""
        if epochs is None:
            return self
        return replace(
            self,
            encoders=replace(self.encoders, epochs=epochs),
            roads=replace(self.roads, steps=min(self.roads.steps, 10 * epochs)),
            student=replace(self.student, epochs=epochs),
            circuit_epochs=epochs,
        )
