"""Phase one as a whole: what was recorded of a cohort, who owns it, and every arrival-time encoder trained on it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.arrival_training import ArrivalSetting, Split, gene_encoding, train_arrival
from model.encoders.genomic_arrival import learnt_tokenizer
from model.encoders.plain_part import first_order
from model.gene_components import learn_genes
from model.image_training import image_encodings
from model.network import Network
from model.ragged import gene_matrix
from model.recording import RECORDED, RecordingGenomic, RecordingImaging
from model.sequence_training import sequence_encoding
from model.statistics import learn_scale
from schemas.evidence import Evidence
from schemas.manifest import Manifest


@dataclass(frozen=True)
class Recording:
    """What the readers gave of every image and sequencing event, and whose it is."""

    imaging: RecordingImaging
    genomic: RecordingGenomic
    owners: Mapping[str, Tensor]
    """Encoder id -> (N,) row of each recorded item's patient, -1 for nobody's."""

    def in_training(self, name: str, train: Tensor) -> list[int]:
        """The places of an encoder's items that belong to training patients; `train` (patients,) bool."""
        owners = self.owners[name].tolist() if name in self.owners else []
        return [place for place, owner in enumerate(owners) if owner >= 0 and train[owner]]


def owners_of(evidence: Iterable[Evidence], patients: Sequence[str]) -> dict[str, Tensor]:
    """Encoder id -> the owner's place in `patients` of each recorded item, in the order of recording.

    An item whose message was refused after all belongs to nobody: -1.
    """
    rows = {patient: row for row, patient in enumerate(patients)}
    found: dict[str, dict[int, int]] = {}
    for piece in evidence:
        for vector in piece.vectors:
            if vector.weights == RECORDED:
                found.setdefault(vector.encoder, {})[int(vector.unpack()[0])] = rows[piece.patient]
    return {
        name: torch.tensor([places.get(place, -1) for place in range(max(places) + 1)])
        for name, places in found.items()
    }


def train_encoders(network: Network, recording: Recording, split: Split, setting: ArrivalSetting) -> dict[str, float]:
    """Train every arrival-time encoder that anything was recorded for; returns the best held-out loss of each."""
    _learn_inputs(network, recording, split, setting.manifest)
    imaging, genomic, owners = network.arrival_imaging, network.arrival_genomic, recording.owners
    losses: dict[str, float] = {}
    random = setting.generator
    images = image_encodings(imaging, recording.imaging, setting.manifest.feature_spaces, owners, random)
    if images:
        losses |= train_arrival("images", (imaging,), images, split, setting)
    if "genomic/sequence" in owners:
        tokens = setting.manifest.sizes.sequence_tokens
        sequences = sequence_encoding(genomic, recording.genomic, owners, tokens, random)
        losses |= train_arrival("sequences", (genomic.sequences, genomic.pool), (sequences,), split, setting)
    if "genomic/genes" in owners and setting.manifest.genes:
        genes = gene_encoding(genomic, setting.manifest.genes, recording.genomic, owners, random)
        losses |= train_arrival("genes", (genomic.genes,), (genes,), split, setting)
    return losses


def _statistics(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tiles (n, 3, S, S) of one image -> the mean of their first-order statistics."""
    mean: NDArray[np.float32] = first_order(torch.from_numpy(tiles)).mean(0).numpy()
    return mean


def _learn_inputs(network: Network, recording: Recording, split: Split, manifest: Manifest) -> None:
    """Means, deviations and components of features and gene values, and the tokenizer, of training patients alone."""
    genomic = recording.genomic
    seen = [recording.imaging.tiles[place] for place in recording.in_training("imaging/cnn", split.roles.train)]
    if seen and manifest.backbone_width:
        learn_scale(network.arrival_imaging.tiles, np.concatenate(seen))
        network.arrival_imaging.tiles.plain.learn(np.stack([features.mean(0) for features in seen]))
    elif seen:
        network.arrival_imaging.tiles.plain.learn(np.stack([_statistics(tiles) for tiles in seen]))
    for number, space in enumerate(sorted(manifest.feature_spaces)):
        name = f"imaging/bag:{space}"
        bags = [recording.imaging.bags[space][place] for place in recording.in_training(name, split.roles.train)]
        if bags:
            learn_scale(network.arrival_imaging.space(number), np.concatenate(bags))
            means = [bag.mean(0) for bag in bags if len(bag)]
            network.arrival_imaging.space(number).plain.learn(np.stack(means))
    read = recording.in_training("genomic/sequence", split.roles.train)
    texts = [genomic.sequences[place] for place in read]
    if texts and manifest.dna_width:
        learn_scale(network.arrival_genomic.sequences, np.concatenate([genomic.features[place] for place in read]))
    elif texts:
        network.arrival_genomic.tokenizer_json = learnt_tokenizer(piece.upper() for text in texts for piece in text)
    sources = [genomic.genes[place] for place in recording.in_training("genomic/genes", split.roles.train)]
    if sources and manifest.genes:
        values, measured = gene_matrix(sources, manifest.genes)
        learn_genes(network.arrival_genomic.genes, manifest.genes, manifest.sizes.width, values, measured)
