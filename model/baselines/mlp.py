"""A small perceptron on all columns side by side: the plain network that a fusion of modalities must beat."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.baselines.known import each_endpoint
from model.batch_order import shuffled
from model.descent import Descent, Phase, descend, silent
from model.evaluation.fold import Fold, Forecast, Rows
from model.survival import bin_targets, hazard_loss, torch_curves

_WIDTH, _DROPOUT, _BATCH, _MEMBERS = 32, 0.3, 64, 3
_HELD = 0.2
"""Share of the training patients that tells when to stop."""
_HOW = Descent(epochs=100, rate=3e-3, decay=0.1, patience=10)


class Perceptron(nn.Module):
    """Columns and flags (n, C + B) -> logits (n, P J + L): the hazards', then the diagnosis labels'."""

    def __init__(self, inputs: int, start: Tensor) -> None:
        """Answer about `start` (P J + L) before training."""
        super().__init__()
        self.hidden = nn.Linear(inputs, _WIDTH)
        self.dropout = nn.Dropout(_DROPOUT)
        self.answer = nn.Linear(_WIDTH, len(start))
        with torch.no_grad():
            self.answer.bias.copy_(start)
            self.answer.weight.mul_(0.1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (n, C + B) -> logits (n, P J + L)."""
        logits: Tensor = self.answer(self.dropout(torch.relu(self.hidden(inputs))))
        return logits


@dataclass(frozen=True)
class _Lesson:
    """n training patients as tensors; unknown endpoints are masked, an unknown diagnosis is -1."""

    inputs: Tensor
    event: Tensor
    at_risk: Tensor
    diagnosis: Tensor

    def loss(self, net: Perceptron, rows: Tensor) -> Tensor:
        """Mean over rows of the mean hazard NLL of an endpoint + the diagnosis' cross entropy."""
        event, at_risk = self.event[rows], self.at_risk[rows]
        hazards, diagnosis = _split(net(self.inputs[rows]), event.shape)
        loss = hazard_loss(hazards, event, at_risk) / max(event.shape[1], 1)
        if diagnosis.shape[1]:
            loss = loss + functional.cross_entropy(diagnosis, self.diagnosis[rows], ignore_index=-1, reduction="none")
        return loss.mean()

    def start(self, labels: int) -> Tensor:
        """Logits of each bin's hazard among the patients, shrunk so that they stay finite; 0 for the labels."""
        rate = (self.event.sum(0) + 0.5) / (self.at_risk.sum(0) + 5.0)
        return torch.cat((torch.logit(rate.clamp(1e-4, 0.5)).flatten(), torch.zeros(labels)))


def concat_mlp(fold: Fold) -> Forecast:
    """Mean survival and probabilities of three perceptrons, each stopped by patients of its own it does not see."""
    event, at_risk = (torch.from_numpy(part) for part in bin_targets(fold.days, fold.event, fold.edges_days))
    lesson = _Lesson(_inputs(fold.train), event, at_risk, torch.from_numpy(fold.diagnosis))
    survival, classes = [], []
    for member in range(_MEMBERS):
        logits = _answers(lesson, _inputs(fold.test), len(fold.labels), fold.seed * _MEMBERS + member)
        hazards, diagnosis = _split(logits.double(), event.shape)
        survival.append(torch_curves(hazards).numpy())
        classes.append(diagnosis.softmax(-1).numpy())
    curves = np.mean(survival, 0)
    return Forecast(each_endpoint(fold, lambda known: curves[:, known.place]), np.mean(classes, 0))


def _answers(lesson: _Lesson, test: Tensor, labels: int, seed: int) -> Tensor:
    """Train one perceptron; its logits of the test patients (n, P J + L)."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        net = Perceptron(lesson.inputs.shape[1], lesson.start(labels))
        _train(net, lesson, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        logits: Tensor = net.eval()(test)
    return logits


def _train(net: Perceptron, lesson: _Lesson, generator: torch.Generator) -> None:
    order = torch.randperm(len(lesson.inputs), generator=generator)
    held, shown = order.tensor_split([max(int(_HELD * len(order)), 1)])

    def steps() -> Iterator[Tensor]:
        net.train()
        for rows in shuffled(shown, _BATCH, generator):
            yield lesson.loss(net, rows)

    @torch.no_grad()
    def validate() -> float:
        return float(lesson.loss(net.eval(), held))

    descend(Phase("concat-mlp", (net,), steps, validate), _HOW, silent)


def _inputs(rows: Rows) -> Tensor:
    """Columns, then flags of the blocks that are there: (n, C + B)."""
    return torch.from_numpy(np.column_stack((rows.columns, rows.present)).astype(np.float32))


def _split(logits: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Logits (n, P J + L) -> hazards' (n, P, J) and labels' (n, L); `shape` is (any, P, J)."""
    size = shape[1] * shape[2]
    return logits[:, :size].reshape(len(logits), shape[1], shape[2]), logits[:, size:]
