"""Everything that runs at a request, trained together: a student of what became of patients and of its teachers.

Under modality dropout over the whole lattice of subsets: what a patient has is hidden at random, part by part, while
the target stays what the teacher says who saw all of it (cross-modal distillation).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from model.batch_order import shuffled
from model.distillation import Teaching
from model.examples import Examples
from model.features import Batch
from model.hardware import ALONE, Hardware, placed
from model.heads import Logits
from model.imputer import imputation_loss
from model.network import MODALITIES, Network
from model.statistics import bootstrap_weights
from model.student_batch import Shown, shown_of
from schemas.bounds import Count, NotNegative, Rate
from schemas.evidence import Modality


@dataclass(frozen=True)
class StudentSetting:
    """How the student is trained: a fixed number of epochs, the rate falling to 0; there is no early stopping."""

    epochs: Count = 100
    batch: Count = 1024
    """At most so many patients a step: small cohorts take one step an epoch."""
    rate: Rate = 2e-3
    decay: NotNegative = 0.1
    hidden: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of patients of whom a part is hidden, of tokens and of embedding numbers that training drops."""


def train_student(
    network: Network,
    examples: Examples,
    teaching: Teaching,
    setting: StudentSetting,
    generator: torch.Generator,
    hardware: Hardware = ALONE,
) -> Iterator[tuple[float, float]]:
    """Train encoders, imputer, attention, fusion and heads; yields (share done, training loss) an epoch."""
    weights = bootstrap_weights(len(examples.present), network.heads.members, generator)
    usable, width = examples.usable.to(hardware.device), network.heads.linear.in_features
    teaching = teaching.to(hardware.device)

    def loss_of(rows: Tensor, epoch: int) -> Tensor:
        shown = shown_of(examples, rows, width, setting.hidden, generator)
        logits, imputation = student_answers(network, usable, shown.mine(hardware), setting.hidden)
        taught = (teaching.loss(logits, hardware.mine(rows), epoch) * hardware.mine(weights[rows])).mean()
        return hardware.part(taught, torch.ones(len(rows))) + hardware.part(imputation, shown.present.sum(1))

    with placed((network,), hardware.device):
        parameters = [parameter for module in _modules(network) for parameter in module.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=setting.rate, betas=(0.9, 0.99), weight_decay=setting.decay)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, setting.epochs)
        for epoch in range(setting.epochs):
            losses = []
            for rows in shuffled(examples.train, setting.batch, generator):
                optimiser.zero_grad()
                losses.append(hardware.backward(loss_of(rows, epoch), parameters))
                nn.utils.clip_grad_norm_(parameters, 1.0)
                optimiser.step()
            schedule.step()
            yield (epoch + 1) / setting.epochs, sum(losses) / max(len(losses), 1)


def _modules(network: Network) -> tuple[nn.Module, ...]:
    return (
        network.clinical,
        network.encoders,
        network.block_tokens,
        network.imputer,
        network.attention,
        network.fusion,
        network.heads,
    )


def student_answers(network: Network, usable: Tensor, shown: Shown, hidden: float) -> tuple[Logits, Tensor]:
    """What the student says of patients with a part hidden: logits (n, E, ...), imputation loss."""
    embeddings = embed(network, shown.features, shown.present) * shown.heard / (1 - hidden)
    return forward(network, usable, embeddings, shown.kept, shown.noise)


def embed(network: Network, features: Mapping[Modality, Batch], present: Tensor) -> Tensor:
    """Embeddings (B, M, D); zeros where a patient has no such modality."""
    parts = []
    for place, (modality, batch) in enumerate(features.items()):
        if present[:, place].any():
            parts.append(network.embed(modality, batch))
        else:  # nobody has it: its encoder would only cost time
            parts.append(torch.zeros(len(present), network.heads.linear.in_features, device=present.device))
    return torch.stack(parts, 1).masked_fill(~present.unsqueeze(-1), 0.0)


@torch.no_grad()
def embedded(network: Network, examples: Examples, rows: Tensor) -> Tensor:
    """The embeddings of these patients as they stand (n, M, D), zeros where a patient has no such modality."""
    features = {modality: examples.batch(modality, rows) for modality in MODALITIES}
    return embed(network, features, examples.present[rows])


def forward(network: Network, usable: Tensor, embeddings: Tensor, kept: Tensor, noise: Tensor) -> tuple[Logits, Tensor]:
    """Embeddings (B, M, D) with only `kept` (B, M) shown -> logits of one imputation draw, imputation loss.

    usable (M,) bool, noise (B, M, D). The imputer learns by likelihood alone (its inputs and draws are detached): were
    it trained for the task, it would learn to hide its uncertainty.
    """
    truth = embeddings.detach()
    mean, variance = network.imputer(truth, kept)
    draw = mean + variance.sqrt() * noise
    completed = torch.where(kept.unsqueeze(-1), embeddings, draw.detach())
    there = truth.abs().sum(-1) > 0
    return network.decide(completed, kept, usable), imputation_loss(mean, variance, truth, there)
