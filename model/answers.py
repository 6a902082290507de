"""One padded batch through the network: embeddings in, calibrated numbers out, as arrays (no records here)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model import doubt
from model.heads import Logits
from model.network import MODALITIES, Network
from model.survival import YEAR_DAYS, curves, medians, survival_at
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
    """(B, 4) nats: total, data, imputation, model."""
    confidence: Array
    """(B,): the largest probability of what the doubt is about."""
    drops: Array
    """(B, M) nats: expected drop of the entropy if that modality came; 0 where it is there."""


@torch.inference_mode()
def answer(network: Network, manifest: Manifest, embeddings: Tensor, present: Tensor, noise: Tensor) -> Answers:
    """embeddings (B, M, D), present (B, M) bool, noise (B, K, M, D) -> `Answers`.

    Every product has the same shapes whatever is in the batch, so that no row can feel another.
    """
    usable = torch.tensor([modality in manifest.modalities for modality in MODALITIES])
    mean, spread = network.impute(embeddings, present)
    logits = draw_logits(network, mean, spread, present, usable, noise)
    about = outcome(logits, manifest)
    drops = torch.zeros(present.shape, dtype=torch.float64)
    single = (~present & usable).sum(1) == 1
    drops[single] = (~present & usable)[single] * doubt.expected_drop(about)[single, None]
    for place in range(len(MODALITIES)):
        asked = ~present[:, place] & usable[place] & ~single
        if asked.any():
            only = spread * torch.nn.functional.one_hot(torch.tensor(place), len(MODALITIES))[None, :, None]
            varied = outcome(draw_logits(network, mean, only, present, usable, noise), manifest)
            drops[asked, place] = doubt.expected_drop(varied)[asked]
    return _summed(logits, about, drops, manifest)


def outcome(logits: Logits, manifest: Manifest) -> Tensor:
    """The probabilities that doubt and confidence are about: (B, K, E, C) float64.

    The calibrated diagnosis; for a network without diagnosis labels, whether the first endpoint's event
    falls within two years (or within the last bin, where that is earlier).
    """
    if manifest.tasks.diagnosis:
        return (logits.diagnosis.double() / manifest.temperature).softmax(-1)
    if not manifest.tasks.endpoints:
        return torch.ones((*logits.diagnosis.shape[:3], 1), dtype=torch.float64)
    edges = np.array(manifest.tasks.edges_days)
    survived = curves(torch.sigmoid(logits.hazard[..., 0, :].double()).numpy())
    alive = torch.from_numpy(survival_at(survived, edges, min(_TWO_YEARS, float(edges[-1]))))
    return torch.stack((alive, 1 - alive), -1)


def draw_logits(
    network: Network, mean: Tensor, spread: Tensor, present: Tensor, usable: Tensor, noise: Tensor
) -> Logits:
    """Logits of K draws a row: each (B, K, E, ...)."""
    rows, draws = noise.shape[:2]
    completed = (mean.unsqueeze(1) + spread.unsqueeze(1) * noise).flatten(0, 1)  # (B*K, M, D)
    logits = network.decide(completed, present.repeat_interleave(draws, 0), usable)
    return Logits(*(part.view(rows, draws, *part.shape[1:]) for part in logits))


def _summed(logits: Logits, about: Tensor, drops: Tensor, manifest: Manifest) -> Answers:
    edges = np.array(manifest.tasks.edges_days)
    each = curves(torch.sigmoid(logits.hazard.double()).numpy())  # (B, K, E, P, J)
    survival = each.mean((1, 2))
    spread = np.sort(medians(each, edges).reshape(each.shape[0], -1, each.shape[3]), axis=1)  # (B, K*E, P)
    low, high = round(0.1 * (spread.shape[1] - 1)), round(0.9 * (spread.shape[1] - 1))
    diagnosis = about.mean((1, 2)).numpy() if manifest.tasks.diagnosis else np.zeros((each.shape[0], 0))
    return Answers(
        diagnosis=diagnosis,
        survival=survival,
        medians=np.stack((medians(survival, edges), spread[:, low], spread[:, high]), 1),
        response=torch.sigmoid(logits.response.double()).mean((1, 2)).numpy(),
        doubt=torch.stack(doubt.split(about), -1).numpy(),
        confidence=about.mean((1, 2)).amax(-1).numpy(),
        drops=drops.numpy(),
    )
