"""Teachers and how a student is pulled towards them: cross-modal distillation.

A teacher is the plain linear road looking at some of the table's blocks, always through weights that never saw the
patient. The role rotates: now the one who sees everything teaches, now one who sees a single block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from model.heads import Logits
from model.linear import LinearRoad
from model.linear_roads import Opinion
from model.targets import Targets, loss_of
from schemas.bounds import Positive, Share

Kind = Literal["kl", "mse", "dkd"]


@dataclass(frozen=True)
class Lesson:
    """How strongly and by which distance a student follows its teacher."""

    kind: Kind = "kl"
    alpha: Share = 0.9
    """Weight of the teacher; the rest is what became of the patient."""
    temperature: Positive = 4.0
    """Of the diagnosis; hazards are compared as they are."""
    rotating: bool = False
    """Whether each block teaches in turn, or only the one who sees all."""


@dataclass(frozen=True)
class Teaching:
    """What a student learns from: N patients' fates, and each teacher's logits (N, ...)."""

    hard: Targets
    teachers: Sequence[Logits]
    reached: Tensor
    """(1, P, J) share of the patients at risk in each bin: what a teacher's hazard there weighs."""
    lesson: Lesson

    def to(self, device: torch.device) -> "Teaching":
        """The same on another device."""
        teachers = [Logits(*(part.to(device) for part in teacher)) for teacher in self.teachers]
        return Teaching(self.hard.to(device), teachers, self.reached.to(device), self.lesson)

    def loss(self, logits: Logits, rows: Tensor, turn: int) -> Tensor:
        """logits (n, E, ...) of patients `rows` (n,), taught by teacher number `turn` -> (n, E)."""
        alpha = self.lesson.alpha if self.teachers else 0.0
        loss = (1 - alpha) * loss_of(logits, self.hard.rows(rows))
        if not self.teachers:
            return loss
        teacher = Logits(*(part[rows].unsqueeze(1) for part in self.teachers[turn % len(self.teachers)]))
        return loss + alpha * distance(logits, teacher, self.reached, self.lesson)


def teaching_of(
    road: LinearRoad, opinion: Opinion, block: Tensor, hard: Targets, fitted: Tensor, lesson: Lesson
) -> Teaching:
    """The teachers of N patients, who have `block` (N, K): all of it every second turn, each block in between.

    Only the rows in `fitted` are looked at for what they became: the others may be those to be tested.

    A patient without the block in turn is taught by the one who sees all that there is.
    """
    teachers = [opinion.logits]
    if lesson.rotating:
        for place in range(road.blocks):
            alone = torch.zeros_like(block)
            alone[:, place] = block[:, place]
            seen = torch.where(alone.any(1, keepdim=True), alone, block)
            teachers += [road(opinion.scores, seen), opinion.logits]
        teachers = teachers[:-1] if road.blocks else teachers
    return Teaching(hard, teachers, hard.exposed[fitted].mean(0, keepdim=True), lesson)


def distance(student: Logits, teacher: Logits, reached: Tensor, lesson: Lesson) -> Tensor:
    """How far the student's answers are from the teacher's: (n, E, ...) and (n, 1, ...) -> (n, E), 0 where equal."""
    endpoints = max(student.hazard.shape[-2], 1)
    if lesson.kind == "mse":
        hazards = (student.hazard - teacher.hazard).square() * reached / 2
        responses = (student.response - teacher.response).square() / 2
    else:
        hazards = _bernoulli_kl(student.hazard, teacher.hazard) * reached
        responses = _bernoulli_kl(student.response, teacher.response)
    return (
        _diagnosis(student.diagnosis, teacher.diagnosis, lesson) + hazards.sum((-2, -1)) / endpoints + responses.sum(-1)
    )


def _diagnosis(student: Tensor, teacher: Tensor, lesson: Lesson) -> Tensor:
    if not student.shape[-1]:
        return student.sum(-1)
    if lesson.kind == "mse":
        centred = (student - student.mean(-1, keepdim=True)) - (teacher - teacher.mean(-1, keepdim=True))
        return centred.square().mean(-1)
    if lesson.kind == "dkd":
        return _decoupled(student / lesson.temperature, teacher / lesson.temperature) * lesson.temperature**2
    return _categorical_kl(student / lesson.temperature, teacher / lesson.temperature) * lesson.temperature**2


def _categorical_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(teacher || student) of softmaxes (Hinton et al. 2015): (..., C) -> (...)."""
    known = teacher.log_softmax(-1)
    return (known.exp() * (known - student.log_softmax(-1))).sum(-1)


def _decoupled(student: Tensor, teacher: Tensor, beta: float = 2.0) -> Tensor:
    """Decoupled distillation (Zhao et al. 2022): the teacher's first choice against the rest, and the rest apart.

    They take the true label for the target class; we take the teacher's, since many labels are unknown here.
    """
    first = functional.one_hot(teacher.argmax(-1), teacher.shape[-1]).bool()
    known, said = teacher.log_softmax(-1), student.log_softmax(-1)
    first = first.expand(said.shape)
    known, said = known.expand_as(first), said.expand_as(first)
    pairs = [torch.stack((part[first].view(first.shape[:-1]), _log_rest(part, first)), -1) for part in (known, said)]
    target = (pairs[0].exp() * (pairs[0] - pairs[1])).sum(-1)
    low = torch.finfo(known.dtype).min
    others = _categorical_kl(said.masked_fill(first, low), known.masked_fill(first, low))
    return target + beta * others


def _log_rest(log_probabilities: Tensor, first: Tensor) -> Tensor:
    return log_probabilities.masked_fill(first, torch.finfo(log_probabilities.dtype).min).logsumexp(-1)


def _bernoulli_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(teacher || student) of sigmoids, element by element."""
    chance = torch.sigmoid(teacher)
    told = chance * functional.logsigmoid(teacher) + (1 - chance) * functional.logsigmoid(-teacher)
    return told - chance * functional.logsigmoid(student) - (1 - chance) * functional.logsigmoid(-student)
