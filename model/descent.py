"""Gradient descent that stops when a patient-level validation loss no longer falls, and keeps the best weights."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.hardware import ALONE, Hardware, placed
from schemas.bounds import Count, NotNegative, Rate

Report = Callable[[str, float, float], None]
"""(phase, share of it done from 0 to 1, validation loss)."""


def silent(phase: str, done: float, loss: float) -> None:
    """The `Report` of a process without a screen."""


@dataclass(frozen=True)
class Descent:
    """How one phase is trained."""

    epochs: Count
    rate: Rate
    decay: NotNegative = 0.5
    patience: Count = 8
    """Epochs without a better validation loss before it stops."""


@dataclass(frozen=True)
class Phase:
    """What one phase trains: modules, the losses of one epoch's steps, and what tells whether it helped."""

    name: str
    modules: tuple[nn.Module, ...]
    steps: Callable[[], Iterable[Tensor]]
    """Of each step, what this process adds to the loss."""
    validate: Callable[[], float]
    """The same number in every process."""


def descend(phase: Phase, how: Descent, report: Report, hardware: Hardware = ALONE) -> float:
    """Train with AdamW under a cosine schedule; the modules end with their best weights. Returns the best loss."""
    with placed(phase.modules, hardware.device):
        parameters = [p for module in phase.modules for p in module.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(parameters, lr=how.rate, weight_decay=how.decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, how.epochs)
        best, since, kept = phase.validate(), 0, _copied(phase.modules)
        for epoch in range(how.epochs):
            for loss in phase.steps():
                optimiser.zero_grad()
                hardware.backward(loss, parameters)
                nn.utils.clip_grad_norm_(parameters, 1.0)
                optimiser.step()
            schedule.step()
            value = phase.validate()
            report(phase.name, (epoch + 1) / how.epochs, value)
            since = 0 if value < best else since + 1
            if since == 0:
                best, kept = value, _copied(phase.modules)
            if since >= how.patience:
                break
        for module, state in zip(phase.modules, kept, strict=True):
            module.load_state_dict(state)
    return best


def _copied(modules: tuple[nn.Module, ...]) -> list[dict[str, Tensor]]:
    return [{name: tensor.clone() for name, tensor in module.state_dict().items()} for module in modules]
