"""The arrival-time encoders, trained each with a small head of its own; then they are frozen (phase one).

What a slide or a sequence says must not change with every request, so these never see the fusion's loss.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.batch_order import shuffled
from model.descent import Descent, Phase, Report, descend
from model.encoders.genomic_arrival import GenomicArrival
from model.examples import Roles
from model.hardware import ALONE, Hardware
from model.heads import Heads
from model.labels import Labels
from model.ragged import gene_matrix, kept_at_random, stacked
from model.recording import RecordingGenomic
from model.statistics import start_at_base_rates
from model.targets import hard_targets, loss_of
from schemas.manifest import Manifest

BATCH = 16


@dataclass(frozen=True)
class Encoding:
    """One arrival-time encoder with what there is to train it on."""

    name: str
    owners: Tensor
    """(N,) row of the patient of each of N recorded items."""
    shown: Callable[[Tensor, bool], tuple[Tensor, ...]]
    """Places (B,) of items, and whether to disturb them as training does -> what is encoded of them, each (B, ...)."""
    encode: Callable[..., Tensor]
    """What is shown of B items -> (B, D)."""


@dataclass(frozen=True)
class Split:
    """The labels of all patients, and the part that each has in training."""

    labels: Labels
    roles: Roles

    def places(self, encoding: Encoding, held: bool) -> Tensor:
        """The encoding's items of patients on one side, of whom anything is known.

        Where not one is held out, those of training stand in: an encoder that nothing judges would never be trained.
        """
        trained, spared = self._owned_by(self.roles.train, encoding), self._owned_by(self.roles.held, encoding)
        return spared if held and len(spared) else trained

    def _owned_by(self, side: Tensor, encoding: Encoding) -> Tensor:
        known = side & self.labels.known
        return torch.nonzero(known[encoding.owners] & (encoding.owners >= 0)).squeeze(1)


@dataclass(frozen=True)
class ArrivalSetting:
    """What training an arrival-time encoder needs besides its items."""

    manifest: Manifest
    descent: Descent
    generator: torch.Generator
    report: Report
    hardware: Hardware = ALONE


def train_arrival(
    name: str, modules: Sequence[nn.Module], encodings: Sequence[Encoding], split: Split, setting: ArrivalSetting
) -> dict[str, float]:
    """Train encoders that share modules together, a head each, until the held-out loss no longer falls.

    Returns the best held-out loss, by each encoder's name; of training items where none was held out.
    """
    manifest, generator, hardware = setting.manifest, setting.generator, setting.hardware
    heads = nn.ModuleList([Heads(manifest.sizes.width, 1, manifest.tasks) for _ in encodings])
    for head in heads:
        if isinstance(head, Heads):
            start_at_base_rates(head, split.labels.rows(torch.nonzero(split.roles.train).squeeze(1)))

    targets = hard_targets(split.labels, len(manifest.tasks.diagnosis), len(manifest.tasks.treatments))
    targets = targets.to(hardware.device)

    def losses(held: bool) -> Iterator[tuple[Tensor, int]]:
        for head, encoding in zip(heads, encodings, strict=True):
            for places in shuffled(split.places(encoding, held), BATCH, generator, least=1 if held else 2):
                logits = head(encoding.encode(*map(hardware.mine, encoding.shown(places, not held))))
                loss = loss_of(logits, targets.rows(hardware.mine(encoding.owners[places]))).mean()
                yield hardware.part(loss, torch.ones(len(places))), len(places)

    @torch.no_grad()
    def validate() -> float:
        found = [(float(loss), count) for loss, count in losses(held=True)]
        summed = hardware.total(sum(loss * count for loss, count in found))
        return summed / max(sum(count for _, count in found), 1)

    phase = Phase(name, (*modules, heads), lambda: (loss for loss, _ in losses(held=False)), validate)
    best = descend(phase, setting.descent, setting.report, hardware)
    return {encoding.name: best for encoding in encodings}


def of_features(
    name: str,
    owners: Tensor,
    rows: Sequence[NDArray[np.float32]],
    encode: Callable[[Tensor, Tensor], Tensor],
    generator: torch.Generator,
) -> Encoding:
    """Features of a frozen encoder, or of somebody else's: rows (n, F) of each item, of which training hides some."""

    def shown(places: Tensor, disturb: bool) -> tuple[Tensor, Tensor]:
        items, present = stacked([rows[place] for place in places.tolist()])
        return (items * kept_at_random(items.shape, generator) if disturb else items), present

    return Encoding(name, owners, shown, encode)


def gene_encoding(
    arrival: GenomicArrival,
    genes: Sequence[str],
    recording: RecordingGenomic,
    owners: Mapping[str, Tensor],
    generator: torch.Generator,
) -> Encoding:
    """The gene-value encoder over the manifest's list."""
    values, known = gene_matrix(recording.genes, genes)
    numbers, measured = torch.from_numpy(values), torch.from_numpy(known)

    def shown(places: Tensor, disturb: bool) -> tuple[Tensor, Tensor]:
        there = measured[places]
        return numbers[places], there & kept_at_random(there.shape, generator) if disturb else there

    return Encoding("genomic/genes", owners["genomic/genes"], shown, arrival.genes)
