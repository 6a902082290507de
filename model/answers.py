"""One padded batch through the network: embeddings in, calibrated numbers out, as arrays (no records here)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from model import doubt
from model.fusion import Core
from model.measured_circuit import MeasuredCircuit
from model.network import MODALITIES, Network
from model.shot_doubt import shot_doubt
from model.survival import YEAR_DAYS, medians, survival_at
from model.voices import (
    Scene,
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
_TWO_YEARS = 2 * YEAR_DAYS


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


@torch.inference_mode()
def answer(
    network: Network,
    manifest: Manifest,
    encoded: Tensor,
    present: Tensor,
    noise: Tensor,
    circuit: MeasuredCircuit | None = None,
) -> Answers:
    """encoded (B, M, E), present (B, M) bool, noise (B, K, M, D) -> `Answers`.

    Every product has the same shapes whatever is in the batch, so that no row can feel another.
    With a `circuit` the answer is what a backend measured. Expected drops and the doubt's other parts stay
    those of exact simulation: they ask what would be, and shots would pass for a disagreement of the draws.
    """
    scene, warmth = look(network, encoded, present, usable_modalities(manifest)), temperatures(manifest, present)
    heard = _heard(listen(network, scene, noise), manifest, warmth)
    parts = doubt.split(heard.about)

    def outcome_of(draws: Tensor, core: Core | None = None) -> Tensor:
        return outcome(listen(network, scene, draws, core), manifest, warmth)

    drops = _drops(scene, parts.imputation, noise, outcome_of)
    if circuit is None:
        return _summed(heard, drops, doubt.of_simulation(parts), manifest)
    measured = _heard(listen(network, scene, noise, circuit), manifest, warmth)
    shots = shot_doubt(lambda core: outcome_of(noise, core), circuit.expectations, circuit.variance)
    return _summed(measured, drops, doubt.with_backend(parts, heard.about, measured.about, shots), manifest)


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


def _drops(scene: Scene, drop: Tensor, noise: Tensor, outcome_of: Callable[[Tensor], Tensor]) -> Array:
    """Expected drops (B, M); `drop` (B,) is that of all that is absent, and so that of a single absent modality."""
    absent = (~scene.present & scene.usable).numpy()
    single = absent.sum(1) == 1
    drops: Array = absent * np.where(single, drop.numpy(), 0.0)[:, None]
    asked = absent & ~single[:, None]
    for place in np.flatnonzero(asked.any(0)):  # its draws alone vary, the others stay at their means
        only = noise * one_hot(torch.tensor(place), len(MODALITIES))[:, None]
        varied = doubt.expected_drop(outcome_of(only)).numpy()
        drops[asked[:, place], place] = varied[asked[:, place]]
    return drops


def _summed(heard: _Heard, drops: Array, doubts: Tensor, manifest: Manifest) -> Answers:
    edges = np.array(manifest.tasks.edges_days)
    each = heard.curves.numpy()
    survival = each.mean((1, 2))
    flat = each.reshape(len(each), -1, *each.shape[3:])  # (B, K*E, P, J)
    crossed = medians(np.concatenate((flat, survival[:, None]), 1), edges)  # (B, K*E + 1, P)
    spread = np.sort(crossed[:, :-1], axis=1)
    low, high = round(0.1 * (spread.shape[1] - 1)), round(0.9 * (spread.shape[1] - 1))
    likely = heard.about.mean((1, 2)).numpy()
    return Answers(
        diagnosis=likely if manifest.tasks.diagnosis else np.zeros((len(each), 0)),
        survival=survival,
        medians=np.stack((crossed[:, -1], spread[:, low], spread[:, high]), 1),
        response=heard.responses.mean((1, 2)).numpy(),
        doubt=doubts.numpy(),
        confidence=likely.max(-1),
        drops=drops,
    )
