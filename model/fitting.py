"""A network fitted on some patients of a cohort, in phases; the others are only looked at once it stands."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from model.arrival_training import ArrivalSetting, Split
from model.calibration import calibrate
from model.circuit_phase import train_circuit
from model.cohort_data import CohortData, HowRead
from model.descent import Descent, Report
from model.distillation import Lesson, Teaching, teaching_of
from model.encoder_phase import train_encoders
from model.encoders.arrived import NOTES, encoder_ids
from model.encoders.backbones import OwnCnn, TileFeatures
from model.encoders.gene_graph import linear_width
from model.encoders.pathway_table import Edges, edges_among, read_pathways
from model.encoders.plain_part import PLAIN
from model.examples import Examples, Roles, examples_of, used_modalities
from model.heads import Logits
from model.imputer_training import fit_imputer
from model.joint_training import StudentSetting, embedded, forward, some_of, train_student
from model.labels import strata_of
from model.linear_roads import Opinion, RoadSetting, Training, fit_roads, inner_folds
from model.network import MODALITIES, Network, network_of
from model.reading import Rules
from model.statistics import base_hazards, choose_genes, learn_codes, start_at_base_rates
from model.table_columns import facts_of
from model.table_fit import default_blocks, resolve
from model.targets import hard_targets
from model.weights import encoder_hashes, foreign_encoders
from schemas.evidence import Modality
from schemas.manifest import FusionKind, Manifest, Sizes
from schemas.picture import View
from schemas.table import Table


@dataclass(frozen=True)
class TrainSettings:
    """What a training run is asked for; the same settings and cohort give the same network."""

    name: str
    intended_use: str
    seed: int = 0
    fusion: FusionKind = "circuit"
    sizes: Sizes = field(default_factory=Sizes)
    rules: Rules = field(default_factory=Rules)
    """How events are read; with `rules.clinical.notes`, the network is trained behind that encoder of notes."""
    backbone: TileFeatures = field(default_factory=OwnCnn)
    """What tiles go through first."""
    encoders: Descent = field(default_factory=lambda: Descent(epochs=30, rate=5e-4, patience=8))
    roads: RoadSetting = field(default_factory=RoadSetting)
    lesson: Lesson = field(default_factory=Lesson)
    student: StudentSetting = field(default_factory=StudentSetting)
    circuit_epochs: int = 30
    circuit_rate: float = 5e-3
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

    @property
    def reading(self) -> HowRead:
        """How the cohort is read."""
        return HowRead(self.rules, self.sizes.tile_pixels, self.items, self.backbone)


@dataclass(frozen=True)
class Fitted:
    """A network, its manifest (not yet sealed with a hash), and how every patient of the cohort looks to it."""

    network: Network
    manifest: Manifest
    examples: Examples
    losses: dict[str, float]
    """Phase -> its last or best loss."""


def look(data: CohortData, roles: Roles, settings: TrainSettings, report: Report) -> Fitted:
    """What the patients look like to a network whose arrival-time encoders know their inputs, and are not trained.

    The table, its statistics and the plain parts of vectors are those that `fit` gives; nothing has seen an outcome.
    """
    without = replace(settings, encoders=replace(settings.encoders, epochs=0))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        return _Run(data, roles, without, report).seen()


def columns_of(network: Network, examples: Examples) -> Tensor:
    """Every patient's z-scores (N, C)."""
    numbers, measured = examples.raw_table()
    result: Tensor = network.tabular({"column": numbers, "measured": measured})
    return result


def fit(data: CohortData, roles: Roles, settings: TrainSettings, report: Report) -> Fitted:
    """Fit every phase on the patients of `roles`; raises ValueError where there are too few to learn from."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        return _Run(data, roles, settings, report).fitted()


class _Run:
    """One run, and what its phases share."""

    def __init__(self, data: CohortData, roles: Roles, settings: TrainSettings, report: Report) -> None:
        self.data, self.roles, self.settings, self.report = data, roles, settings, report
        self.generator = torch.Generator().manual_seed(settings.seed)

    def fitted(self) -> Fitted:
        """What is read of patients; both roads; the student; its circuit; calibration."""
        seen = self.seen()
        network, draft, examples = seen.network, seen.manifest, seen.examples
        opinions = self._roads(network, examples, draft.table)
        losses = seen.losses | self._student(network, examples, opinions[0])
        return Fitted(network, calibrate(network.eval(), draft, examples, opinions), examples, losses)

    def seen(self) -> Fitted:
        """The encoders that run when files arrive, trained; and every patient as read through them."""
        draft = self._draft()
        arrival = network_of(draft, self.settings.seed)
        setting = ArrivalSetting(draft, self.settings.encoders, self.generator, self.report)
        losses = train_encoders(arrival, self.data.recording, Split(self.data.labels, self.roles), setting)
        draft = trained_behind(arrival, draft, losses)
        views = self.data.views(arrival, draft)
        draft = draft.model_copy(update={"table": self._table(views, draft)})
        network = _grown(arrival, draft, self.settings.seed)
        examples = examples_of(views, self.data.labels, self.roles, draft, self.settings.least_patients)
        if len(examples.fitted) < 2 * len(draft.table.blocks):
            raise ValueError(f"outcomes of {len(examples.fitted)} patients are known: too few to learn from")
        draft = draft.model_copy(update={"modalities": used_modalities(examples)})
        rows, (numbers, measured) = examples.fitted, examples.raw_table()
        network.tabular.learn(numbers[rows].numpy(), measured[rows].numpy())
        return Fitted(network, draft, examples, losses)

    def _draft(self) -> Manifest:
        recording, card, notes = self.data.recording, self.data.card, self.settings.rules.clinical.notes
        places = recording.in_training("genomic/genes", self.roles.train)
        linked = {gene for edge in self.settings.pathways for gene in edge}
        genes = choose_genes([recording.genomic.genes[place] for place in places], self.settings.genes, linked)
        return Manifest(
            name=self.settings.name,
            intended_use=self.settings.intended_use,
            source=f"{card.name}: {card.source} ({card.terms})",
            weights_sha256="",
            encoders={} if notes is None else {NOTES: notes.weights},
            modalities=MODALITIES,
            feature_spaces=card.feature_spaces,
            backbone=self.settings.backbone.name,
            backbone_width=self.settings.backbone.width,
            backbone_sha256=self.settings.backbone.sha256,
            genes=genes,
            pathways=edges_among(self.settings.pathways, genes),
            tasks=self.data.tasks,
            sizes=self.settings.sizes,
            fusion=self.settings.fusion,
            torch=str(torch.__version__),
        )

    def _table(self, views: dict[str, View], draft: Manifest) -> Table:
        taken = (self.roles.train | self.roles.held).tolist()
        seen = [view for view, is_taken in zip(views.values(), taken, strict=True) if is_taken]
        tokens = draft.sizes.clinical_tokens
        known = {
            modality: [
                facts_of([piece for piece in view.evidence if piece.modality is modality], draft.encoders, tokens)
                for view in seen
            ]
            for modality in Modality
        }
        leading = {name: PLAIN for name in encoder_ids(draft.feature_spaces) if name.startswith("imaging/")}
        leading["genomic/genes"] = linear_width(draft.sizes.width)
        return resolve(self.data.card.table or default_blocks(leading), known)

    def _roads(self, network: Network, examples: Examples, table: Table) -> tuple[Opinion, Opinion]:
        """Both linear roads, on training and validation patients alike; opinions are of all N, zeros for others."""
        rows = examples.fitted
        labels, tasks = examples.labels.rows(rows), self.data.tasks
        training = Training(
            table=table,
            columns=columns_of(network, examples)[rows].double(),
            present=examples.block[rows],
            targets=hard_targets(labels, len(tasks.diagnosis), len(tasks.treatments)).to(torch.float64),
            base=base_hazards(labels).double(),
            folds=inner_folds(strata_of(labels), self.settings.seed),
        )
        found = fit_roads(network.plain, network.taught, training, self.settings.roads)
        plain, taught = (_of_all(opinion, rows, len(examples.present)) for opinion in found)
        return plain, taught

    def _student(self, network: Network, examples: Examples, teacher: Opinion) -> dict[str, float]:
        tasks = self.data.tasks
        tokens = examples.batch(Modality.CLINICAL, examples.fitted)
        learn_codes(network.clinical, tokens)
        start_at_base_rates(network.heads, examples.labels.rows(examples.fitted))
        hard = hard_targets(examples.labels, len(tasks.diagnosis), len(tasks.treatments))
        teaching = teaching_of(network.plain, teacher, examples.block, hard, self.settings.lesson)
        losses = {}
        for done, value in train_student(network, examples, teaching, self.settings.student, self.generator):
            losses["student"] = value
            self.report("student", done, value)
        self._impute(network, examples)
        fixed = embedded(network, examples, examples.train)
        alone = train_circuit(
            network,
            lambda: self._circuit_loss(network, examples, teaching, fixed),
            self.settings.circuit_epochs,
            self.settings.circuit_rate,
        )
        for done, value in alone:
            losses["circuit"] = value
            self.report("circuit", done, value)
        return losses

    def _impute(self, network: Network, examples: Examples) -> None:
        """The imputer once more, on the embeddings as they now stand; without validation patients it stays."""
        held = torch.zeros(len(examples.present), dtype=torch.bool)
        held[examples.held] = True
        rows = examples.fitted
        if not held.any() or int(examples.usable.sum()) < 2:
            return
        embeddings = embedded(network, examples, rows)
        network.imputer = fit_imputer(embeddings, examples.present[rows], held[rows], self.generator)

    def _circuit_loss(self, network: Network, examples: Examples, teaching: Teaching, fixed: Tensor) -> Tensor:
        """Of the training patients, whose embeddings no longer change, with modalities hidden as before."""
        kept = some_of(examples.present[examples.train], self.settings.student.hidden, self.generator)
        logits, _ = forward(network, examples, fixed, kept, self.generator)
        return teaching.loss(logits, examples.train, 0).mean()


def trained_behind(network: Network, draft: Manifest, trained: Iterable[str]) -> Manifest:
    """The draft with the hashes of the encoders that are trained now and will not change."""
    hashes = encoder_hashes(network, draft)
    return draft.model_copy(update={"encoders": foreign_encoders(draft) | {name: hashes[name] for name in trained}})


def _grown(arrival: Network, draft: Manifest, seed: int) -> Network:
    """A network with the draft's table, behind the encoders that are trained already."""
    network = network_of(draft, seed)
    network.arrival_imaging.load_state_dict(arrival.arrival_imaging.state_dict())
    network.arrival_genomic.load_state_dict(arrival.arrival_genomic.state_dict())
    network.arrival_genomic.tokenizer_json = arrival.arrival_genomic.tokenizer_json
    return network


def _of_all(opinion: Opinion, rows: Tensor, patients: int) -> Opinion:
    def spread(part: Tensor) -> Tensor:
        return part.new_zeros((patients, *part.shape[1:])).index_copy(0, rows, part)

    return Opinion(spread(opinion.scores), Logits(*(spread(part) for part in opinion.logits)))
