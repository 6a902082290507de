"""Batches through the network: embeddings in, calibrated numbers out, as arrays (no records here)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from model import doubt
from model.fusion import Core
from model.heads import Logits
from model.measured_circuit import MeasuredCircuit
from model.network import MODALITIES, Network
from model.shot_doubt import shot_doubt
from model.survival import YEAR_DAYS, medians, survival_at
from model.voices import (
    Voices,
    diagnoses,
    listen,
    look,
    responses,
    survivals,
    temperatures,
    usable_modalities,
)
from schemas.manifest import Manifest

Array = NDArray[np.float64]
ROWS = 64
"""Patients that are answered at once, at best: what is done to fewer takes hardly less time."""
_TWO_YEARS = 2 * YEAR_DAYS

Draws = Sequence[Tensor | None]
"""The noise of each batch (B, K, M, D); None where nothing is asked of it."""


@dataclass(frozen=True)
class Answers:
    """What the network says of B patients: C labels, P endpoints, J bins, O options, K draws of E heads."""

    diagnosis: Array
    """(B, C), calibrated."""
    survival: Array
    """(B, P, J)."""
    medians: Array
    """(B, 3, P): of the mean curve, and the 10 % and 90 % quantiles over draws and heads; inf where never."""
    response: Array
    """(B, O)."""
    doubt: Array
    """(B, 6) nats: total, data, imputation, model, shots, hardware; the total is the sum of the others."""
    confidence: Array
    """(B,): the largest probability of what the doubt is about."""
    drops: Array
    """(B, M) nats: expected drop of the entropy if that modality came; 0 where it is there."""


class Rows(NamedTuple):
    """Patients of one pass through the network: B of them, most often the manifest's batch."""

    encoded: Tensor
    """(B, M, E)."""
    present: Tensor
    """(B, M) bool."""
    noise: Tensor
    """(B, K, M, D)."""


@torch.inference_mode()
def answer(
    network: Network, manifest: Manifest, batches: Sequence[Rows], circuit: MeasuredCircuit | None = None
) -> Answers:
    """Batches of equally many patients -> `Answers` of all of them, in order.

    The network sees a batch at a time. What is made of its numbers is made of all at once, filled up with rows of
    zeros to a multiple of `ROWS`: every product and every sum has the same shape whoever is asked about together, so
    that no patient can feel another.
    With a `circuit`, of a single batch, the answer is what a backend measured. Expected drops and the doubt's other
    parts stay those of exact simulation: they ask what would be, and shots would pass for a disagreement of the draws.
    """
    usable, noise = usable_modalities(manifest), [rows.noise for rows in batches]
    present = torch.cat([rows.present for rows in batches])
    scenes = [look(network, rows.encoded, rows.present, usable) for rows in batches]
    warmth = temperatures(manifest, _filled(present))

    def voices(draws: Draws, core: Core | None = None) -> Voices:
        pairs = zip(scenes, draws, strict=True)
        return _together([None if each is None else listen(network, scene, each, core) for scene, each in pairs])

    def outcome_of(draws: Draws, core: Core | None = None) -> Tensor:
        return outcome(voices(draws, core), manifest, warmth)

    heard = _heard(voices(noise), manifest, warmth)
    parts = doubt.split(heard.about)
    drops = _drops((~present & usable).numpy(), parts.imputation, noise, outcome_of)
    if circuit is None:
        return _summed(heard, drops, doubt.of_simulation(parts), manifest)
    measured = _heard(voices(noise, circuit), manifest, warmth)
    shots = shot_doubt(lambda core: outcome_of(noise, core), circuit.expectations, circuit.variance)
    doubts = doubt.with_backend(parts, heard.about, measured.about, shots)
    return _summed(measured, drops, doubts, manifest)


def _together(said: Sequence[Voices | None]) -> Voices:
    """What all batches say, filled up; zeros where nothing was asked of one."""
    silent = next(Voices(*(Logits(*map(torch.zeros_like, one)) for one in each)) for each in said if each)
    batches = zip(*(each or silent for each in said), strict=True)
    return Voices(*(Logits(*(_filled(torch.cat(parts)) for parts in zip(*each, strict=True))) for each in batches))


def _filled(rows: Tensor) -> Tensor:
    """Rows (B, ...) with rows of zeros up to a multiple of `ROWS`."""
    missing = -len(rows) % ROWS
    return torch.cat((rows, rows.new_zeros((missing, *rows.shape[1:])))) if missing else rows


def outcome(voices: Voices, manifest: Manifest, temperature: Tensor) -> Tensor:
    """The probabilities that doubt and confidence are about: (B, K, E, C) float64.

    The calibrated diagnosis; for a network without diagnosis labels, whether the first endpoint's event
    falls within two years (or within the last bin, where that is earlier).
    """
    return diagnoses(voices, temperature) if manifest.tasks.diagnosis else _lasting(survivals(voices), manifest)


class _Heard(NamedTuple):
    """The voices' mean of B patients, for K draws of E heads."""

    about: Tensor
    """(B, K, E, C): `outcome`."""
    curves: Tensor
    """(B, K, E, P, J)."""
    responses: Tensor
    """(B, K, E, O)."""


def _heard(voices: Voices, manifest: Manifest, temperature: Tensor) -> _Heard:
    curves = survivals(voices)
    about = diagnoses(voices, temperature) if manifest.tasks.diagnosis else _lasting(curves, manifest)
    return _Heard(about, curves, responses(voices))


def _lasting(curves: Tensor, manifest: Manifest) -> Tensor:
    """Curves (B, K, E, P, J) -> whether the first endpoint's event stays away, and whether not: (B, K, E, 2)."""
    if not manifest.tasks.endpoints:
        return torch.ones((*curves.shape[:3], 1), dtype=torch.float64)
    edges = np.array(manifest.tasks.edges_days)
    alive = torch.from_numpy(survival_at(curves[..., 0, :].numpy(), edges, min(_TWO_YEARS, float(edges[-1]))))
    return torch.stack((alive, 1 - alive), -1)


def _drops(
    absent: NDArray[np.bool_], drop: Tensor, noise: Sequence[Tensor], outcome_of: Callable[[Draws], Tensor]
) -> Array:
    """Expected drops, `absent` (B, M) -> (B, M); `drop` is that of all that is absent: of a single one, its own."""
    single = absent.sum(1) == 1
    drops: Array = np.where(single, drop.numpy()[: len(absent)], 0.0)[:, None] * absent
    asked = absent & ~single[:, None]
    by_batch = asked.reshape(len(noise), -1, asked.shape[1]).any(1)
    for place in np.flatnonzero(asked.any(0)):  # its draws alone vary, the others stay at their means
        alone = one_hot(torch.tensor(place), len(MODALITIES))[:, None]
        only = [each * alone if wanted else None for each, wanted in zip(noise, by_batch[:, place], strict=True)]
        varied = doubt.expected_drop(outcome_of(only)).numpy()[: len(absent)]
        drops[asked[:, place], place] = varied[asked[:, place]]
    return drops


def _summed(heard: _Heard, drops: Array, doubts: Tensor, manifest: Manifest) -> Answers:
    """The answers of those that have expected drops: the first B rows of what was filled up."""
    edges = np.array(manifest.tasks.edges_days)
    each = heard.curves.numpy()
    survival = each.mean((1, 2))
    flat = heard.curves.flatten(1, 2).numpy()  # (B, K*E, P, J); of no endpoints as well, which -1 cannot reshape
    crossed = medians(np.concatenate((flat, survival[:, None]), 1), edges)  # (B, K*E + 1, P)
    spread = np.sort(crossed[:, :-1], axis=1)
    low, high = round(0.1 * (spread.shape[1] - 1)), round(0.9 * (spread.shape[1] - 1))
    likely = heard.about.mean((1, 2)).numpy()
    asked = slice(len(drops))
    return Answers(
        diagnosis=likely[asked] if manifest.tasks.diagnosis else np.zeros((len(drops), 0)),
        survival=survival[asked],
        medians=np.stack((crossed[:, -1], spread[:, low], spread[:, high]), 1)[asked],
        response=heard.responses.mean((1, 2)).numpy()[asked],
        doubt=doubts.numpy()[asked],
        confidence=likely.max(-1)[asked],
        drops=drops,
    )
