"""What a model is pulled towards: what became of each patient, and a teacher's opinion mixed into it.

Everything is a weight, so that hard labels, soft ones and unknown ones go through one loss: a bin counts `exposed`
times, of which `events` times the event fell into it.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from model.heads import Logits
from model.labels import Labels


@dataclass(frozen=True)
class Targets:
    """Of N patients, any float dtype; an unknown outcome has weight 0 everywhere."""

    classes: Tensor
    """(N, C): weight of each diagnosis label."""
    events: Tensor
    """(N, P, J)."""
    exposed: Tensor
    """(N, P, J): at least `events`."""
    responses: Tensor
    """(N, O)."""
    given: Tensor
    """(N, O): at least `responses`."""

    def rows(self, places: Tensor) -> "Targets":
        """Those of some patients."""
        return Targets(*(getattr(self, field.name)[places] for field in fields(self)))

    def to(self, kind: torch.dtype | torch.device) -> "Targets":
        """The same in another dtype, or on another device."""
        return Targets(*(getattr(self, field.name).to(kind) for field in fields(self)))


def hard_targets(labels: Labels, classes: int, options: int) -> Targets:
    """What became of the patients and nothing else."""
    known = labels.diagnosis >= 0
    one_hot = functional.one_hot(labels.diagnosis.clamp_min(0), max(classes, 1))[:, :classes] * known.unsqueeze(1)
    given = functional.one_hot(labels.treatment.clamp_min(0), max(options, 1))[:, :options]
    given = given * (labels.treatment >= 0).unsqueeze(1)
    return Targets(
        classes=one_hot.float(),
        events=labels.hazard * labels.at_risk,
        exposed=labels.at_risk,
        responses=given * labels.response.unsqueeze(1),
        given=given.float(),
    )


def taught(hard: Targets, teacher: Logits, alpha: float) -> Targets:
    """Hard targets mixed with a teacher's probabilities: (1 - alpha) and alpha of the weight.

    teacher (N, C), (N, P, J), (N, O). A bin that few patients reach counts little in the teacher's part: it is
    weighed by the share of patients at risk in it.
    """
    reached = hard.exposed.mean(0, keepdim=True)  # (1, P, J)
    hazards = torch.sigmoid(teacher.hazard) * reached
    chances = torch.sigmoid(teacher.response)
    return Targets(
        classes=(1 - alpha) * hard.classes + alpha * teacher.diagnosis.softmax(-1),
        events=(1 - alpha) * hard.events + alpha * hazards,
        exposed=(1 - alpha) * hard.exposed + alpha * reached.expand_as(hazards),
        responses=(1 - alpha) * hard.responses + alpha * chances,
        given=(1 - alpha) * hard.given + alpha,
    )


def loss_of(logits: Logits, targets: Targets) -> Tensor:
    """Negative log likelihood a patient: logits (N, ..., C), (N, ..., P, J), (N, ..., O) -> (N, ...).

    Diagnosis plus the mean over the endpoints plus response; axes between the first and the last may be any.
    """
    between = logits.hazard.dim() - targets.events.dim()
    classes, events, exposed, responses, given = (
        part.reshape(len(part), *([1] * between), *part.shape[1:])
        for part in (targets.classes, targets.events, targets.exposed, targets.responses, targets.given)
    )
    endpoints = max(targets.events.shape[1], 1)
    hazards = exposed * functional.softplus(logits.hazard) - events * logits.hazard
    loss = hazards.sum((-2, -1)) / endpoints
    loss = loss - (classes * logits.diagnosis.log_softmax(-1)).sum(-1)
    return loss + (given * functional.softplus(logits.response) - responses * logits.response).sum(-1)
