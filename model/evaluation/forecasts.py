"""What the network says of patients, as a forecast; and any forecast as predictions."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from model.calibration import encoded_of, noise_of
from model.evaluation.fold import Fold, Forecast, Rows
from model.evaluation.predictions import YEARS, Prediction
from model.examples import Examples
from model.looking import Fitted, columns_of
from model.survival import YEAR_DAYS, survival_at
from model.voices import Voices, diagnoses, speak, survivals, temperatures
from schemas.manifest import Tasks

_BATCH = 64


@torch.no_grad()
def forecast_of(fitted: Fitted, examples: Examples, rows: Tensor, patients: Sequence[str]) -> Forecast:
    """What is served of these rows of `examples`: every voice, every draw, every head. `patients` names all rows."""
    curves, classes = [], []
    for present, voices in voices_of(fitted, examples, rows, patients):
        curves.append(survivals(voices).mean((1, 2)).numpy())
        classes.append(diagnoses(voices, temperatures(fitted.manifest, present)).mean((1, 2)).numpy())
    return Forecast(np.concatenate(curves), np.concatenate(classes))


def voices_of(
    fitted: Fitted, examples: Examples, rows: Tensor, patients: Sequence[str]
) -> Iterator[tuple[Tensor, Voices]]:
    """What is present of these rows (B, M), and what each voice says of them, B at a time."""
    for chunk in torch.split(rows, _BATCH):
        present = examples.present[chunk]
        noise = noise_of([patients[row] for row in chunk.tolist()], fitted.manifest)
        encoded = encoded_of(fitted.network, examples, chunk)
        yield present, speak(fitted.network, encoded, present, examples.usable, noise)


def fold_of(seen: Fitted, times: tuple[np.ndarray, np.ndarray], test: Tensor, seed: int) -> Fold:
    """A fold for the baselines: the very columns of the linear road, prepared on the training rows alone.

    `times`: days and events, (N, P) each, of all patients; those of the test rows stay here.
    """
    examples, tasks, table = seen.examples, seen.manifest.tasks, seen.manifest.table
    columns, block, train = columns_of(seen.network, examples).double(), examples.block, examples.fitted
    owners = [owner for owner, _ in table.columns]
    order = sorted(range(len(owners)), key=lambda place: owners[place])
    starts = np.searchsorted(np.sort(owners), np.arange(len(table.blocks) + 1))
    return Fold(
        train=Rows(columns[train][:, order].numpy(), block[train].numpy()),
        test=Rows(columns[test][:, order].numpy(), block[test].numpy()),
        blocks={b.name: slice(int(starts[k]), int(starts[k + 1])) for k, b in enumerate(table.blocks)},
        endpoints=tasks.endpoints,
        days=times[0][train.numpy()],
        event=times[1][train.numpy()],
        labels=tasks.diagnosis,
        diagnosis=examples.labels.diagnosis[train].numpy(),
        edges_days=np.array(tasks.edges_days),
        seed=seed,
    )


def predictions_of(
    forecast: Forecast, patients: Sequence[str], tasks: Tasks, repeat: int, fold: int
) -> Iterator[Prediction]:
    """A row a patient and endpoint; a cohort without endpoints has its classes under the endpoint `""`."""
    edges = np.array(tasks.edges_days)
    last = min(YEARS[-1] * YEAR_DAYS, float(edges[-1]))
    for row, patient in enumerate(patients):
        classes = tuple(float(p) for p in forecast.classes[row])
        for place, endpoint in enumerate(tasks.endpoints):
            curve = forecast.survival[row, place]
            at = tuple(
                float(survival_at(curve, edges, year * YEAR_DAYS)) if year * YEAR_DAYS <= edges[-1] else float("nan")
                for year in YEARS
            )
            risk = -float(np.log(max(float(survival_at(curve, edges, last)), 1e-9)))
            yield Prediction(patient, repeat, fold, endpoint, risk, at, classes)
        if not tasks.endpoints:
            yield Prediction(patient, repeat, fold, "", 0.0, (float("nan"),) * len(YEARS), classes)
