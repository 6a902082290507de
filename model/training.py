"""Train a network on a cohort folder: arrival-time encoders, then all that runs at a request, then calibration."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from model.arrival import ImagingEncoder, MolecularEncoder
from model.arrival_training import ArrivalSetting, Split
from model.batch_order import held_out
from model.calibration import calibrate
from model.card import Training, model_card
from model.cohorts.folder import read_card
from model.descent import Descent, Report
from model.encoder_phase import Recording, owners_of, train_encoders
from model.encoders.pathway_table import Edges, edges_among, read_pathways
from model.examples import HEAVY_TOPICS, Readers, Rules, pictures_of, read_cohort, views_of
from model.joint_training import train_joint
from model.labels import read_labels
from model.linear_training import fit_linear
from model.network import MODALITIES, Network, network_of
from model.preparing import examples_of, start, tasks_of, used_modalities
from model.recording import RecordingGenomic, RecordingImaging
from model.statistics import choose_genes
from model.weights import encoder_hashes, save_network
from schemas.evidence import Evidence
from schemas.files import Files
from schemas.manifest import FusionKind, Manifest, Sizes

CARD = "card.md"


@dataclass(frozen=True)
class TrainSettings:
    """What a training run is asked for; the same settings and cohort give the same network."""

    name: str
    intended_use: str
    seed: int = 0
    fusion: FusionKind = "circuit"
    sizes: Sizes = field(default_factory=Sizes)
    rules: Rules = field(default_factory=Rules)
    encoders: Descent = field(default_factory=lambda: Descent(epochs=30, rate=5e-4, patience=8))
    joint: Descent = field(default_factory=lambda: Descent(epochs=60, rate=5e-4, decay=3.0, patience=15))
    held_share: float = 0.2
    """Share of the patients held out, for stopping and calibration."""
    least_patients: int = 5
    """Training patients that a modality needs; with fewer the network does without it."""
    items: int = 16
    """Tiles, bag rows or sequence pieces kept of each source to train its encoder on."""
    genes: int = 512
    """Longest list of gene values."""
    pathways: Edges = field(default_factory=read_pathways)
    """Gene interactions; by default the bundled table of oncogenic pathways."""


def train(cohort: Path, out: Path, files: Files, settings: TrainSettings, report: Report) -> Manifest:
    """Train on the cohort folder and write the network's folder `out`; raises Refused, Unavailable, ValueError."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        return _Run(cohort, out, files, settings, report).manifest()


class _Run:
    """One training run, and what its parts share."""

    def __init__(self, cohort: Path, out: Path, files: Files, settings: TrainSettings, report: Report) -> None:
        self.cohort, self.out, self.files = cohort, out, files
        self.settings, self.report = settings, report
        self.card = read_card(cohort)
        self.generator = torch.Generator().manual_seed(settings.seed)

    def manifest(self) -> Manifest:
        """Run all phases and write the network's folder."""
        imaging = RecordingImaging(self.settings.sizes.tile_pixels, self.settings.items, self.card.feature_spaces)
        genomic = RecordingGenomic(self.settings.items)
        first = read_cohort(self.cohort, Readers(self.files, imaging, genomic, self.settings.rules))
        patients = tuple(pictures_of(first.evidence))
        held = held_out(patients, self.settings.held_share, self.settings.seed)
        recording = Recording(imaging, genomic, owners_of(first.evidence, patients))
        draft = self._draft(recording, held)
        network, labels = network_of(draft, self.settings.seed), read_labels(self.cohort, patients, draft.tasks)
        losses = train_encoders(network, recording, Split(labels, held), self._arrival(draft))
        draft = trained_behind(network, draft, losses)
        light = tuple(piece for piece in first.evidence if piece.origin.topic not in HEAVY_TOPICS)
        views = views_of(pictures_of(light + self._heavy(network, draft)), draft.encoders, self.settings.rules)
        examples = examples_of(views, labels, held, draft, self.settings.least_patients)
        start(network, examples)
        fusion = train_joint(network, examples, self.settings.joint, self.generator, self.report)
        losses |= {"fusion": fusion, "linear": fit_linear(network, examples)}
        draft = draft.model_copy(update={"modalities": used_modalities(examples)})
        sealed = save_network(self.out, network, calibrate(network.eval(), draft, examples), tuple(draft.encoders))
        told = Training(len(patients), int(held.sum()), first.refused, losses, self.settings.seed)
        (self.out / CARD).write_text(model_card(sealed, told), encoding="utf-8")
        return sealed

    def _arrival(self, draft: Manifest) -> ArrivalSetting:
        return ArrivalSetting(draft, self.settings.encoders, self.generator, self.report)

    def _draft(self, recording: Recording, held: Tensor) -> Manifest:
        sources = [recording.genomic.genes[place] for place in recording.in_training("genomic/genes", held)]
        linked = {gene for edge in self.settings.pathways for gene in edge}
        genes = choose_genes(sources, self.settings.genes, linked)
        return Manifest(
            name=self.settings.name,
            intended_use=self.settings.intended_use,
            source=f"{self.card.name}: {self.card.source} ({self.card.terms})",
            weights_sha256="",
            encoders={},
            modalities=MODALITIES,
            feature_spaces=self.card.feature_spaces,
            genes=genes,
            pathways=edges_among(self.settings.pathways, genes),
            tasks=tasks_of(self.card),
            sizes=self.settings.sizes,
            fusion=self.settings.fusion,
            torch=str(torch.__version__),
        )

    def _heavy(self, network: Network, draft: Manifest) -> tuple[Evidence, ...]:
        """The images and sequences once more, through the very encoders that will serve."""
        encoders = ImagingEncoder(network, draft), MolecularEncoder(network, draft)
        return read_cohort(self.cohort, Readers(self.files, *encoders, self.settings.rules), HEAVY_TOPICS).evidence


def trained_behind(network: Network, draft: Manifest, trained: Iterable[str]) -> Manifest:
    """The draft with the hashes of the encoders that are trained now and will not change."""
    hashes = encoder_hashes(network, draft)
    return draft.model_copy(update={"encoders": {name: hashes[name] for name in trained}})
