"""What became of each patient as tensors, and the loss of the heads' answers against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.cohorts.folder import read_outcomes, read_survival
from model.heads import Logits
from model.survival import bin_targets, hazard_loss
from schemas.manifest import Tasks


@dataclass(frozen=True)
class Labels:
    """Of N patients: what is unknown is masked, so a cohort without a task simply does not train it."""

    diagnosis: Tensor
    """(N,) int64; -1 unknown."""
    treatment: Tensor
    """(N,) int64: the option given; -1 none, or response unknown."""
    response: Tensor
    """(N,) float32, 0 where unknown."""
    hazard: Tensor
    """(N, P, J) float32: the event fell in this bin."""
    at_risk: Tensor
    """(N, P, J) float32: the bin counts."""

    def rows(self, places: Tensor) -> "Labels":
        """Those of some patients."""
        parts = (self.diagnosis, self.treatment, self.response, self.hazard, self.at_risk)
        return Labels(*(part[places] for part in parts))

    @property
    def known(self) -> Tensor:
        """(N,) bool: anything is known of the patient."""
        return (self.diagnosis >= 0) | (self.treatment >= 0) | (self.at_risk.sum((1, 2)) > 0)


def read_labels(cohort: Path, patients: Sequence[str], tasks: Tasks) -> Labels:
    """The labels of these patients, in their order."""
    outcomes = {outcome.patient: outcome for outcome in read_outcomes(cohort)}
    times = {(time.patient, time.endpoint): time for time in read_survival(cohort)}
    size = len(patients)
    diagnosis, treatment, response = np.full(size, -1), np.full(size, -1), np.zeros(size, np.float32)
    days = np.full((size, len(tasks.endpoints)), np.nan)
    event = np.zeros((size, len(tasks.endpoints)), np.bool_)
    for row, patient in enumerate(patients):
        outcome = outcomes.get(patient)
        if outcome and outcome.diagnosis:
            diagnosis[row] = tasks.diagnosis.index(outcome.diagnosis)
        if outcome and outcome.treatment and outcome.response is not None:
            treatment[row], response[row] = tasks.treatments.index(outcome.treatment), outcome.response
        for column, endpoint in enumerate(tasks.endpoints):
            if (patient, endpoint) in times:
                time = times[patient, endpoint]
                days[row, column], event[row, column] = time.time_days, time.event
    hazard, at_risk = bin_targets(days, event, np.array(tasks.edges_days))
    arrays = (diagnosis, treatment, response, hazard, at_risk)
    return Labels(*(torch.from_numpy(array) for array in arrays))


def task_loss(logits: Logits, labels: Labels, weights: Tensor | None = None) -> Tensor:
    """Mean over patients of diagnosis CE + mean hazard NLL of an endpoint + response BCE; what is unknown adds 0.

    Logits of (B, E, ...); weights (B, E) count each patient for each member of the ensemble (1 where None).
    """
    members = logits.hazard.shape[1]
    loss = logits.hazard.new_zeros(labels.diagnosis.shape[0], members)
    if logits.diagnosis.shape[-1]:
        target = labels.diagnosis.unsqueeze(1).expand(-1, members)
        loss = loss + functional.cross_entropy(
            logits.diagnosis.movedim(-1, 1), target, ignore_index=-1, reduction="none"
        )
    if logits.hazard.shape[2]:
        shape = logits.hazard.shape
        hazard, at_risk = (part.unsqueeze(1).expand(shape) for part in (labels.hazard, labels.at_risk))
        loss = loss + hazard_loss(logits.hazard, hazard, at_risk) / shape[2]
    if logits.response.shape[-1]:
        given = labels.treatment.clamp_min(0)[:, None, None].expand(-1, members, 1)
        chosen = logits.response.gather(-1, given).squeeze(-1)
        truth = labels.response.unsqueeze(1).expand(-1, members)
        answer = functional.binary_cross_entropy_with_logits(chosen, truth, reduction="none")
        loss = loss + answer * (labels.treatment >= 0).unsqueeze(1)
    return loss.mean() if weights is None else (loss * weights).mean()
