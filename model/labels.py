"""What became of each patient as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.cohorts.folder import read_outcomes, read_survival
from model.survival import bin_targets
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


def strata_of(labels: Labels) -> list[str]:
    """What folds of these patients are stratified by: the diagnosis, or else the endpoint with the most events."""
    if (labels.diagnosis >= 0).any():
        return [str(label) for label in labels.diagnosis.tolist()]
    events = labels.hazard.sum(2)  # (N, P)
    most = int(events.sum(0).argmax()) if events.shape[1] else 0
    return [str(int(event)) for event in (events[:, most] if events.shape[1] else labels.treatment).tolist()]
