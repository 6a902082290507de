"""One padded batch through the network: embeddings in, calibrated numbers out, as arrays (no records here)."""

from dataclasses import dataclass

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
from model.voices import Voices, diagnoses, responses, speak, survivals, temperatures, usable_modalities
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
    usable = usable_modalities(manifest)
    voices = speak(network, encoded, present, usable, noise)
    warmth = temperatures(manifest, present)
    about = outcome(voices, manifest, warmth)
    absent = ~present & usable
    single = absent.sum(1) == 1
    drops = absent * (doubt.expected_drop(about) * single).unsqueeze(1)
    for place in range(len(MODALITIES)):
        asked = absent[:, place] & ~single
        if asked.any():  # its draws alone vary, the others stay at their means
            only = noise * one_hot(torch.tensor(place), len(MODALITIES))[:, None]
            varied = outcome(speak(network, encoded, present, usable, only), manifest, warmth)
            drops[asked, place] = doubt.expected_drop(varied)[asked]
    parts = doubt.split(about)
    if circuit is None:
        return _summed(voices, about, drops, doubt.with_backend(parts, about, about), manifest)
    measured = speak(network, encoded, present, usable, noise, circuit)

    def outcome_of(core: Core) -> Tensor:
        return outcome(speak(network, encoded, present, usable, noise, core), manifest, warmth)

    heard = outcome(measured, manifest, warmth)
    shots = shot_doubt(outcome_of, circuit.expectations, circuit.variance)
    return _summed(measured, heard, drops, doubt.with_backend(parts, about, heard, shots), manifest)


def outcome(voices: Voices, manifest: Manifest, temperature: Tensor) -> Tensor:
    """The probabilities that doubt and confidence are about: (B, K, E, C) float64.

    The calibrated diagnosis; for a network without diagnosis labels, whether the first endpoint's event
    falls within two years (or within the last bin, where that is earlier).
    """
    if manifest.tasks.diagnosis:
        return diagnoses(voices, temperature)
    if not manifest.tasks.endpoints:
        return torch.ones((*voices.fusion.diagnosis.shape[:3], 1), dtype=torch.float64)
    edges = np.array(manifest.tasks.edges_days)
    first = survivals(voices)[..., 0, :].numpy()
    alive = torch.from_numpy(survival_at(first, edges, min(_TWO_YEARS, float(edges[-1]))))
    return torch.stack((alive, 1 - alive), -1)


def _summed(voices: Voices, about: Tensor, drops: Tensor, doubts: Tensor, manifest: Manifest) -> Answers:
    edges = np.array(manifest.tasks.edges_days)
    each = survivals(voices).numpy()  # (B, K, E, P, J)
    survival = each.mean((1, 2))
    spread = np.sort(medians(each, edges).reshape(each.shape[0], -1, each.shape[3]), axis=1)  # (B, K*E, P)
    low, high = round(0.1 * (spread.shape[1] - 1)), round(0.9 * (spread.shape[1] - 1))
    diagnosis = about.mean((1, 2)).numpy() if manifest.tasks.diagnosis else np.zeros((each.shape[0], 0))
    return Answers(
        diagnosis=diagnosis,
        survival=survival,
        medians=np.stack((medians(survival, edges), spread[:, low], spread[:, high]), 1),
        response=responses(voices).mean((1, 2)).numpy(),
        doubt=doubts.numpy(),
        confidence=about.mean((1, 2)).amax(-1).numpy(),
        drops=drops.numpy(),
    )
