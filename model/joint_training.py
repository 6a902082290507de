"""Everything that runs at a request, trained together: a student of what became of patients and of its teachers.

Under modality dropout over the whole lattice of subsets: what a patient has is hidden at random, part by part, while
the target stays what the teacher says who saw all of it (cross-modal distillation).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.batch_order import shuffled
from model.distillation import Teaching
from model.examples import Examples
from model.features import Batch
from model.heads import Logits
from model.imputer import imputation_loss
from model.network import MODALITIES, Network
from model.statistics import bootstrap_weights
from schemas.evidence import Modality


@dataclass(frozen=True)
class StudentSetting:
    """How the student is trained: a fixed number of epochs, the rate falling to 0; there is no early stopping."""

    epochs: int = 100
    batch: int = 1024
    """At most so many patients a step: small cohorts take one step an epoch."""
    rate: float = 2e-3
    decay: float = 0.1
    hidden: float = 0.3
    """Share of patients of whom a part is hidden, of tokens and of embedding numbers that training drops."""


def train_student(
    network: Network, examples: Examples, teaching: Teaching, setting: StudentSetting, generator: torch.Generator
) -> Iterator[tuple[float, float]]:
    """Train encoders, imputer, attention, fusion and heads; yields (share done, training loss) an epoch."""
    weights = bootstrap_weights(len(examples.present), network.heads.members, generator)
    parameters = [parameter for module in _modules(network) for parameter in module.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=setting.rate, betas=(0.9, 0.99), weight_decay=setting.decay)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, setting.epochs)
    for epoch in range(setting.epochs):
        losses = []
        for rows in shuffled(examples.train, setting.batch, generator):
            logits, imputation = student_answers(network, examples, rows, setting, generator)
            loss = (teaching.loss(logits, rows, epoch) * weights[rows]).mean() + imputation
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            losses.append(float(loss.detach()))
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


def student_answers(
    network: Network, examples: Examples, rows: Tensor, setting: StudentSetting, generator: torch.Generator
) -> tuple[Logits, Tensor]:
    """What the student says of these patients with a part hidden: logits (n, E, ...), imputation loss."""
    features = {modality: examples.batch(modality, rows) for modality in MODALITIES}
    shown, present = hide(features, examples.present[rows], setting.hidden, generator)
    embeddings = embed(network, shown, examples.present[rows], setting.hidden, generator)
    return forward(network, examples, embeddings, present, generator)


def hide(
    features: dict[Modality, Batch], present: Tensor, share: float, generator: torch.Generator
) -> tuple[dict[Modality, Batch], Tensor]:
    """Hide a random part of what `share` of the patients have: modalities, and blocks of the table with their tokens.

    Never all of it. Returns the features, and the modalities (B, M) that are still shown.
    """
    blocks = torch.stack([batch["block"] for batch in features.values()], 1)  # (B, M, K)
    kept = some_of(present, share, generator)
    chosen = torch.rand(len(present), 1, generator=generator) < share
    stay = ~(chosen & (torch.rand(blocks.shape[::2], generator=generator) < 0.5))  # (B, K)
    stay = torch.where((stay.unsqueeze(1) & blocks).any((1, 2)).unsqueeze(1), stay, True)
    return {modality: without_blocks(batch, stay) for modality, batch in features.items()}, kept


def some_of(present: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """present (B, M) with each modality of `share` of the patients hidden as by a coin; never all of them."""
    chosen = torch.rand(len(present), 1, generator=generator) < share
    kept = present & ~(chosen & (torch.rand(present.shape, generator=generator) < 0.5))
    return torch.where(kept.any(1, keepdim=True), kept, present)


def without_blocks(batch: Batch, stay: Tensor) -> Batch:
    """A batch as it is without some blocks: `stay` (B, K) bool. Columns, flags and the tokens of their codes go."""
    changed = batch | {"block": batch["block"] & stay}
    if stay.shape[1]:
        changed["measured"] = batch["measured"] & stay[:, batch["owner"][0]]
    if "part" in batch:
        with_rest = torch.cat((torch.ones_like(stay[:, :1]), stay), 1)
        changed["present"] = batch["present"] & with_rest.gather(1, batch["part"])
    return changed


def embed(
    network: Network,
    features: dict[Modality, Batch],
    present: Tensor,
    hidden: float = 0.0,
    disturb: torch.Generator | None = None,
) -> Tensor:
    """Embeddings (B, M, D); zeros where a patient has no such modality. With a generator, tokens are dropped."""
    parts = []
    for place, (modality, batch) in enumerate(features.items()):
        if present[:, place].any():
            parts.append(network.embed(modality, _thinned(batch, hidden, disturb)))
        else:  # nobody has it: its encoder would only cost time
            parts.append(torch.zeros(len(present), network.heads.linear.in_features))
    embeddings = torch.stack(parts, 1).masked_fill(~present.unsqueeze(-1), 0.0)
    if disturb is None:
        return embeddings
    kept = torch.rand(embeddings.shape, generator=disturb) >= hidden  # dropout (Srivastava et al. 2014)
    return embeddings * kept / (1 - hidden)


@torch.no_grad()
def embedded(network: Network, examples: Examples, rows: Tensor) -> Tensor:
    """The embeddings of these patients as they stand (n, M, D), zeros where a patient has no such modality."""
    features = {modality: examples.batch(modality, rows) for modality in MODALITIES}
    return embed(network, features, examples.present[rows])


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


def trimmed(batch: Batch) -> Batch:
    """The batch without the places for tokens that none of its patients uses: they cost time and change nothing."""
    if "part" not in batch:
        return batch
    used = int(torch.nonzero(batch["present"].any(0)).max()) + 1 if batch["present"].any() else 1
    tokens = ("code", "answer", "part", "value", "numbers", "present")
    return batch | {name: batch[name][:, :used].contiguous() for name in tokens}


def _thinned(batch: Batch, hidden: float, disturb: torch.Generator | None) -> Batch:
    """The batch without a part of its observation and variant tokens; as it is without a generator."""
    if disturb is None:
        return batch
    batch = trimmed(batch)
    masks = {name: batch[name] for name in ("present", "shown") if name in batch}
    return batch | {name: mask & (torch.rand(mask.shape, generator=disturb) >= hidden) for name, mask in masks.items()}
