"""Modalities that arrive one after the other: what is said after each, and which one to ask for next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.answers import Answers, Rows, answer
from model.evaluation.strangers import Strangers
from model.network import MODALITIES
from model.wording import pattern_of

_BATCH = 64
Array = NDArray[np.float64]
Chooses = Callable[[NDArray[np.bool_], Array], NDArray[np.int64]]
"""Modalities that could still be asked for (n, M), the expected drop of each (n, M) nats -> the one to ask for (n,)."""


@dataclass(frozen=True)
class Step:
    """What is known after one arrival."""

    present: NDArray[np.bool_]
    """(n, M)."""
    diagnosis: Array
    """(n, C)."""
    entropy: Array
    """(n,) nats."""
    covered: NDArray[np.bool_]
    """(n,): the conformal set holds the true label."""
    loss: Array
    """(n,) nats: -log of the true label's probability."""


def arrivals(strangers: Strangers, rows: Tensor, first: Tensor, chooses: Chooses, steps: int) -> list[Step]:
    """Show patients `rows` (n,) modality `first` (n,), then let `chooses` ask for the next of what they have.

    A patient of whom nothing is left to ask stays as it is.
    """
    shown = torch.nn.functional.one_hot(first, len(MODALITIES)).bool()
    found = []
    for step in range(steps):
        said = _answers(strangers, rows, shown)
        found.append(_step(strangers, rows, shown, said))
        left = (strangers.examples.present[rows] & ~shown).numpy()
        if step + 1 < steps:
            asked = torch.from_numpy(chooses(left, np.concatenate([one.drops for one in said])))
            more = torch.nn.functional.one_hot(asked, len(MODALITIES)).bool() & torch.from_numpy(left)
            shown = shown | more
    return found


def by_advice(left: NDArray[np.bool_], drops: Array) -> NDArray[np.int64]:
    """The modality with the greatest expected drop."""
    return np.asarray(np.where(left, drops, -1.0).argmax(1), np.int64)


def in_order(left: NDArray[np.bool_], drops: Array) -> NDArray[np.int64]:
    """Always the same order, whatever is expected of each."""
    return np.asarray(left.argmax(1), np.int64)


def at_random(generator: np.random.Generator) -> Chooses:
    """Any that is left."""

    def chooses(left: NDArray[np.bool_], drops: Array) -> NDArray[np.int64]:
        return np.asarray(np.where(left, generator.random(left.shape), -1.0).argmax(1), np.int64)

    return chooses


def patterns_of(step: Step) -> list[str]:
    """Each patient's availability pattern by name."""
    return [pattern_of(tuple(m for m, there in zip(MODALITIES, row, strict=True) if there)) for row in step.present]


def _answers(strangers: Strangers, rows: Tensor, shown: Tensor) -> list[Answers]:
    noise = strangers.noise()
    found = []
    for part in torch.split(torch.arange(len(rows)), _BATCH):
        chunk, seen = rows[part], shown[part]
        encoded = strangers.encoded[chunk] * seen.unsqueeze(-1)
        found.append(answer(strangers.network, strangers.manifest, [Rows(encoded, seen, noise[chunk])]))
    return found


def _step(strangers: Strangers, rows: Tensor, shown: Tensor, said: Sequence[Answers]) -> Step:
    diagnosis = np.concatenate([one.diagnosis for one in said])
    truth = strangers.examples.labels.diagnosis[rows].numpy()
    of_truth = diagnosis[np.arange(len(truth)), truth]
    present = shown.numpy()
    step = Step(present, diagnosis, np.concatenate([one.doubt[:, 0] for one in said]), np.zeros(0, np.bool_), of_truth)
    reach = np.array([1 - strangers.manifest.conformal.get(pattern, 1.0) for pattern in patterns_of(step)])
    best = diagnosis.max(1)
    covered = (of_truth >= reach) | (of_truth >= best)
    return Step(step.present, diagnosis, step.entropy, covered, -np.log(np.maximum(of_truth, 1e-12)))
