"""A cohort as a network sees it: arrival-time encoders, the table, and every patient read through them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from model.arrival_training import ArrivalSetting, Split
from model.checkpoints import Checkpoints
from model.cohort_data import CohortData
from model.descent import Report
from model.encoder_phase import train_encoders
from model.encoders.arrived import NOTES, encoder_ids
from model.encoders.clinical_tokens import newest_observations
from model.encoders.gene_graph import linear_width
from model.encoders.pathway_table import edges_among
from model.encoders.plain_part import PLAIN
from model.examples import Examples, Roles, examples_of, used_modalities
from model.hardware import ALONE, Hardware
from model.linear_roads import INNER_FOLDS
from model.network import MODALITIES, Network, network_of
from model.statistics import choose_genes
from model.table_columns import facts_of
from model.table_fit import default_blocks, resolve
from model.train_settings import TrainSettings
from model.weights import encoder_hashes, foreign_encoders
from schemas.evidence import Modality
from schemas.manifest import Manifest
from schemas.picture import View
from schemas.table import Table


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
        return Look(data, roles, without, report, torch.Generator().manual_seed(settings.seed), Checkpoints()).seen()


def columns_of(network: Network, examples: Examples) -> Tensor:
    """Every patient's z-scores (N, C)."""
    numbers, measured = examples.raw_table()
    result: Tensor = network.tabular({"column": numbers, "measured": measured})
    return result


@dataclass(frozen=True)
class Look:
    """One look at a cohort, and what its steps share."""

    data: CohortData
    roles: Roles
    settings: TrainSettings
    report: Report
    generator: torch.Generator
    checkpoints: Checkpoints
    hardware: Hardware = ALONE

    def seen(self) -> Fitted:
        """The encoders that run when files arrive, trained; and every patient as read through them."""
        draft = self._draft()
        arrival = network_of(draft, self.settings.seed)
        losses = self.checkpoints.restore("encoders", arrival, self.generator)
        if losses is None:
            setting = ArrivalSetting(draft, self.settings.encoders, self.generator, self.report, self.hardware)
            losses = train_encoders(arrival, self.data.recording, Split(self.data.labels, self.roles), setting)
            self.checkpoints.keep("encoders", arrival, self.generator, losses)
        draft = trained_behind(arrival, draft, losses)
        views = self.hardware.together(partial(self.data.views, arrival, draft))
        draft = draft.model_copy(update={"table": self._table(views, draft)})
        network = _grown(arrival, draft, self.settings.seed)
        examples = examples_of(views, self.data.labels, self.roles, draft, self.settings.least_patients)
        _require_enough(examples, draft, self.settings.least_patients)
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
            dna=self.settings.dna.name,
            dna_width=self.settings.dna.width,
            dna_sha256=self.settings.dna.sha256,
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
                facts_of(pieces, draft.encoders, newest_observations(pieces, tokens))
                for pieces in ([piece for piece in view.evidence if piece.modality is modality] for view in seen)
            ]
            for modality in Modality
        }
        leading = {name: PLAIN for name in encoder_ids(draft.feature_spaces) if name.startswith("imaging/")}
        leading["genomic/genes"] = linear_width(draft.sizes.width)
        return resolve(self.data.card.table or default_blocks(leading), known)


def _require_enough(examples: Examples, draft: Manifest, least: int) -> None:
    """ValueError, with what there is and what is wanted, where these patients are too few to learn from."""
    wanted = max(2 * len(draft.table.blocks), INNER_FOLDS)
    if not examples.usable.any():
        raise ValueError(f"no modality has {least} training patients: too few to learn from; give more patients")
    if len(examples.fitted) < wanted:
        found = f"outcomes of {len(examples.fitted)} patients are known: too few to learn from"
        raise ValueError(f"{found}; wanted {wanted} with evidence of {', '.join(used_modalities(examples))}")


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
