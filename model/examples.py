"""The patients of a cohort as tensors: what the network sees of each, what became of each, and who trains it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from model.feature_reader import FeatureReader
from model.features import Batch, batch_of
from model.labels import Labels
from model.network import MODALITIES
from schemas.evidence import Modality
from schemas.manifest import Manifest
from schemas.picture import View


@dataclass(frozen=True)
class Examples:
    """N patients ready for the network."""

    features: Mapping[Modality, Batch]
    """Of each modality, arrays of all N; those of a patient without it are empty."""
    present: Tensor
    """(N, M) bool."""
    labels: Labels
    train: Tensor
    """Rows of training patients of whom anything is known."""
    held: Tensor
    """Rows of validation patients of whom anything is known."""
    usable: Tensor
    """(M,) bool: the modalities that the network is trained with."""

    def batch(self, modality: Modality, rows: Tensor) -> Batch:
        """The arrays of some patients."""
        return {name: tensor[rows] for name, tensor in self.features[modality].items()}

    @property
    def fitted(self) -> Tensor:
        """Rows of training and validation patients, sorted."""
        return torch.cat((self.train, self.held)).sort().values

    @property
    def block(self) -> Tensor:
        """(N, K) bool: the table's blocks that each patient has."""
        flags = [batch["block"] & self.present[:, place, None] for place, batch in enumerate(self._in_order())]
        return torch.stack(flags).any(0)

    def raw_table(self) -> tuple[Tensor, Tensor]:
        """Columns (N, C), 0 where absent, and measured (N, C)."""
        measured = torch.stack([part["measured"] for part in self._in_order()])
        numbers = torch.stack([part["column"] for part in self._in_order()])
        return (numbers * measured).sum(0), measured.any(0)

    def with_features(self, features: Mapping[Modality, Batch], present: Tensor) -> "Examples":
        """The same patients, seen otherwise."""
        return replace(self, features=features, present=present)

    def _in_order(self) -> list[Batch]:
        return [self.features[modality] for modality in MODALITIES]


@dataclass(frozen=True)
class Roles:
    """Who of N patients trains, and who chooses when to stop and calibrates; all others are never looked at."""

    train: Tensor
    """(N,) bool."""
    held: Tensor
    """(N,) bool."""


def examples_of(views: Mapping[str, View], labels: Labels, roles: Roles, draft: Manifest, least: int) -> Examples:
    """All N patients as the network may see them; a modality with fewer than `least` training patients is not used."""
    seen = torch.tensor([[modality in view.present for modality in MODALITIES] for view in views.values()])
    usable = seen[roles.train].sum(0) >= least
    known = labels.known & (seen & usable).any(1)
    owner = torch.tensor([block for block, _ in draft.table.columns]).long()
    features, reader = {}, FeatureReader(draft)
    for modality in MODALITIES:
        batch = batch_of(reader.read(modality, [view.evidence for view in views.values()]))
        features[modality] = batch | {"owner": owner.expand(len(views), -1)}
    return Examples(
        features=features,
        present=seen & usable,
        labels=labels,
        train=torch.nonzero(known & roles.train).squeeze(1),
        held=torch.nonzero(known & roles.held).squeeze(1),
        usable=usable,
    )


def used_modalities(examples: Examples) -> tuple[Modality, ...]:
    """The modalities that the network is trained with."""
    return tuple(modality for modality, is_used in zip(MODALITIES, examples.usable.tolist(), strict=True) if is_used)


def subsets(present: Tensor) -> Iterator[Tensor]:
    """Every non-empty pattern once for each row of `present` (B, M) that has all of it; others come out empty."""
    for choice in product((False, True), repeat=present.shape[1]):
        pattern = torch.tensor(choice)
        has_all = (present | ~pattern).all(1, keepdim=True)
        if pattern.any() and has_all.any():
            yield pattern & has_all
