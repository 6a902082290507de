"""The arrival-time encoders, trained each with a small head of its own; then they are frozen (phase one).

What a slide or a sequence says must not change with every request, so these never see the fusion's loss.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from model.batch_order import shuffled
from model.descent import Descent, Phase, Report, descend
from model.encoders.genomic_arrival import GenomicArrival
from model.encoders.imaging import ImagingArrival
from model.examples import Roles
from model.heads import Heads
from model.labels import Labels
from model.ragged import gene_matrix, kept_at_random, stacked
from model.recording import RecordingGenomic, RecordingImaging
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
    encode: Callable[[Tensor, bool], Tensor]
    """Places (B,) of items, and whether to disturb them as training does -> (B, D)."""


@dataclass(frozen=True)
class Split:
    """The labels of all patients, and the part that each has in training."""

    labels: Labels
    roles: Roles

    def places(self, encoding: Encoding, held: bool) -> Tensor:
        """The encoding's items of patients on one side, of whom anything is known."""
        side = (self.roles.held if held else self.roles.train) & self.labels.known
        return torch.nonzero(side[encoding.owners] & (encoding.owners >= 0)).squeeze(1)


@dataclass(frozen=True)
class ArrivalSetting:
    """What training an arrival-time encoder needs besides its items."""

    manifest: Manifest
    descent: Descent
    generator: torch.Generator
    report: Report


def train_arrival(
    name: str, modules: Sequence[nn.Module], encodings: Sequence[Encoding], split: Split, setting: ArrivalSetting
) -> dict[str, float]:
    """Train encoders that share modules together, a head each, until the held-out loss no longer falls.

    Returns the best held-out loss, by each encoder's name.
    """
    manifest, generator = setting.manifest, setting.generator
    heads = nn.ModuleList([Heads(manifest.sizes.width, 1, manifest.tasks) for _ in encodings])
    for head in heads:
        if isinstance(head, Heads):
            start_at_base_rates(head, split.labels.rows(torch.nonzero(split.roles.train).squeeze(1)))

    targets = hard_targets(split.labels, len(manifest.tasks.diagnosis), len(manifest.tasks.treatments))

    def losses(held: bool) -> Iterator[tuple[Tensor, int]]:
        for head, encoding in zip(heads, encodings, strict=True):
            for places in shuffled(split.places(encoding, held), BATCH, generator):
                logits = head(encoding.encode(places, not held))
                yield loss_of(logits, targets.rows(encoding.owners[places])).mean(), len(places)

    @torch.no_grad()
    def validate() -> float:
        found = [(float(loss), count) for loss, count in losses(held=True)]
        return sum(loss * count for loss, count in found) / max(sum(count for _, count in found), 1)

    phase = Phase(name, (*modules, heads), lambda: (loss for loss, _ in losses(held=False)), validate)
    best = descend(phase, setting.descent, setting.report)
    return {encoding.name: best for encoding in encodings}


def image_encodings(
    arrival: ImagingArrival,
    recording: RecordingImaging,
    spaces: Mapping[str, int],
    owners: Mapping[str, Tensor],
    generator: torch.Generator,
) -> list[Encoding]:
    """The tile CNN and a projector a feature space, those with anything recorded."""

    def tiles(places: Tensor, disturb: bool) -> Tensor:
        items, present = stacked([recording.tiles[place] for place in places.tolist()])
        if recording.eyes.width:  # features of a frozen backbone, as of a bag
            items = items * kept_at_random(items.shape, generator) if disturb else items
            return with_plain(arrival, arrival.tiles(items), arrival.tiles.plain_part(items), present)
        for axis in (-1, -2):
            items = items.flip(axis) if disturb and _heads_up(generator) else items
        flat = items.flatten(0, 1)
        encoded, plain = (
            part.view(*present.shape, -1) for part in (arrival.tiles(flat), arrival.tiles.plain_part(flat))
        )
        return with_plain(arrival, encoded, plain, present)

    def bags(places: Tensor, disturb: bool, space: str, number: int) -> Tensor:
        items, present = stacked([recording.bags[space][place] for place in places.tolist()])
        items = items * kept_at_random(items.shape, generator) if disturb else items
        projector = arrival.space(number)
        return with_plain(arrival, projector(items), projector.plain_part(items), present)

    encoders = {"imaging/cnn": tiles} | {
        f"imaging/bag:{space}": partial(bags, space=space, number=number) for number, space in enumerate(sorted(spaces))
    }
    return [Encoding(name, owners[name], encode) for name, encode in encoders.items() if name in owners]


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

    def encode(places: Tensor, disturb: bool) -> Tensor:
        shown = measured[places]
        shown = shown & kept_at_random(shown.shape, generator) if disturb else shown
        encoded: Tensor = arrival.genes(numbers[places], shown)
        return encoded

    return Encoding("genomic/genes", owners["genomic/genes"], encode)


def _heads_up(generator: torch.Generator) -> bool:
    return bool(torch.rand((), generator=generator) < 0.5)


def with_plain(arrival: ImagingArrival, items: Tensor, plain: Tensor, present: Tensor) -> Tensor:
    """Items (B, N, D), plain parts (B, N, PLAIN), present (B, N) -> (B, D), as the arrival module makes a vector."""
    result: Tensor = arrival(items, plain, present)
    return result
