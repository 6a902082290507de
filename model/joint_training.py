"""Everything that runs at a request, trained together under modality dropout (phase two)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from model.batch_order import shuffled
from model.descent import Descent, Phase, Report, descend
from model.features import Batch
from model.heads import Logits
from model.imputer import imputation_loss
from model.labels import Labels, task_loss
from model.network import MODALITIES, Network
from model.statistics import bootstrap_weights
from schemas.evidence import Modality

BATCH = 32
HIDDEN = 0.3
"""Share of tokens, and of numbers in the embeddings, that training hides at random."""


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


def train_joint(
    network: Network, examples: Examples, descent: Descent, generator: torch.Generator, report: Report
) -> float:
    """Train encoders, imputer, attention, fusion and heads; returns the best validation loss."""
    weights = bootstrap_weights(len(examples.present), network.heads.members, generator)
    modules = (network.clinical, network.encoders, network.imputer, network.attention, network.fusion, network.heads)

    def steps() -> Iterator[Tensor]:
        for rows in shuffled(examples.train, BATCH, generator):
            kept = some_of(examples.present[rows], generator)
            embeddings = embed_rows(network, examples, rows, generator)
            logits, imputation = forward(network, examples, embeddings, kept, generator)
            yield task_loss(logits, examples.labels.rows(rows), weights[rows]) + imputation

    @torch.no_grad()
    def validate() -> float:
        return validation_loss(network, examples)

    return descend(Phase("fusion", modules, steps, validate), descent, report)


def embed_rows(network: Network, examples: Examples, rows: Tensor, disturb: torch.Generator | None = None) -> Tensor:
    """Embeddings (B, M, D) of these rows; zeros where a patient has no such modality.

    With a generator, a part of the tokens and of the embeddings is hidden, as training does.
    """
    parts = []
    for place, modality in enumerate(MODALITIES):
        if examples.present[rows, place].any():
            batch = {name: tensor[rows] for name, tensor in examples.features[modality].items()}
            parts.append(network.embed(modality, thinned(batch, disturb)))
        else:
            parts.append(torch.zeros(len(rows), network.heads.linear.in_features))
    embeddings = torch.stack(parts, 1).masked_fill(~examples.present[rows].unsqueeze(-1), 0.0)
    return embeddings if disturb is None else _dropped(embeddings, disturb)


def thinned(batch: Batch, disturb: torch.Generator | None) -> Batch:
    """The batch without a part of its observation and variant tokens; as it is without a generator."""
    if disturb is None:
        return batch
    masks = {name: batch[name] for name in ("present", "shown") if name in batch}
    hidden = {name: mask & (torch.rand(mask.shape, generator=disturb) >= HIDDEN) for name, mask in masks.items()}
    return batch | hidden


def forward(
    network: Network, examples: Examples, embeddings: Tensor, kept: Tensor, generator: torch.Generator
) -> tuple[Logits, Tensor]:
    """Embeddings (B, M, D) with only `kept` (B, M) shown -> logits of one imputation draw, imputation loss.

    The imputer learns by likelihood alone (its inputs and draws are detached): were it trained for the task,
    it would learn to hide its uncertainty.
    """
    truth = embeddings.detach()
    mean, variance = network.imputer(truth, kept)
    draw = mean + variance.sqrt() * torch.randn(mean.shape, generator=generator)
    completed = torch.where(kept.unsqueeze(-1), embeddings, draw.detach())
    there = truth.abs().sum(-1) > 0
    return network.decide(completed, kept, examples.usable), imputation_loss(mean, variance, truth, there)


def validation_loss(network: Network, examples: Examples) -> float:
    """Task loss of the held-out patients, over every subset of what each of them has, with the same draws always."""
    generator = torch.Generator().manual_seed(0)
    embeddings = embed_rows(network, examples, examples.held)
    total, count = 0.0, 0
    for kept in subsets(examples.present[examples.held]):
        rows = torch.nonzero(kept.any(1)).squeeze(1)
        logits, _ = forward(network, examples, embeddings[rows], kept[rows], generator)
        loss = task_loss(logits, examples.labels.rows(examples.held[rows]))
        total, count = total + float(loss) * len(rows), count + len(rows)
    return total / max(count, 1)


def some_of(present: Tensor, generator: torch.Generator) -> Tensor:
    """A random part of what is present, never nothing: each subset about as often, all of it twice as often."""
    kept = present & (torch.rand(present.shape, generator=generator) < 0.5)
    return torch.where(kept.any(1, keepdim=True), kept, present)


def subsets(present: Tensor) -> Iterator[Tensor]:
    """Every non-empty pattern once for each row of `present` (B, M) that has all of it; others come out empty."""
    for choice in product((False, True), repeat=present.shape[1]):
        pattern = torch.tensor(choice)
        has_all = (present | ~pattern).all(1, keepdim=True)
        if pattern.any() and has_all.any():
            yield pattern & has_all


def _dropped(embeddings: Tensor, generator: torch.Generator) -> Tensor:
    """Dropout (Srivastava et al. 2014) with a generator of our own."""
    return embeddings * (torch.rand(embeddings.shape, generator=generator) >= HIDDEN) / (1 - HIDDEN)
