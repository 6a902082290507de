"""The voices of the network, the fusion's and both linear roads', and their mean: what is served (DESIGN §7)."""

from collections.abc import Callable
from itertools import compress
from typing import NamedTuple

import torch
from torch import Tensor

from model.fusion import Core
from model.heads import Logits
from model.network import MODALITIES, Network
from model.survival import torch_curves
from schemas.manifest import Manifest


class Voices(NamedTuple):
    """What all three say of B patients, before calibration."""

    fusion: Logits
    """(B, K, E, ...): K imputation draws of E heads."""
    plain: Logits
    """(B, ...)."""
    taught: Logits
    """(B, ...)."""


def usable_modalities(manifest: Manifest) -> Tensor:
    """(M,) bool: the modalities that the network was trained with."""
    return torch.tensor([modality in manifest.modalities for modality in MODALITIES])


def speak(
    network: Network, encoded: Tensor, present: Tensor, usable: Tensor, noise: Tensor, core: Core | None = None
) -> Voices:
    """Encoded (B, M, E), present (B, M), usable (M,), noise (B, K, M, D) -> `Voices`.

    The noise of a modality is scaled by the imputer's standard deviation; zero noise is the imputed mean.
    `core` stands in for the fusion's own circuit, and is given the B·K rows at once.
    """
    rows, draws, _, width = noise.shape
    mean, spread = network.impute(encoded[..., :width], present)
    completed = (mean.unsqueeze(1) + spread.unsqueeze(1) * noise).flatten(0, 1)  # (B*K, M, D)
    logits = network.decide(completed, present.repeat_interleave(draws, 0), usable, core)
    fusion = Logits(*(part.view(rows, draws, *part.shape[1:]) for part in logits))
    beside = torch.where(present.unsqueeze(-1), encoded[..., width:], 0.0).sum(1)
    return Voices(fusion, *network.roads(beside))


def diagnoses(voices: Voices, temperature: Tensor) -> Tensor:
    """Calibrated probabilities (B, K, E, C) float64: the mean of the voices; temperature (B,)."""

    def softened(logits: Logits) -> Tensor:
        warmth = temperature.reshape(-1, *([1] * (logits.diagnosis.dim() - 1)))
        return (logits.diagnosis.double() / warmth).softmax(-1)

    return _mean(voices, softened)


def temperatures(manifest: Manifest, present: Tensor) -> Tensor:
    """present (B, M) bool -> (B,) float64: the temperature of each patient's pattern."""
    names = [m.value for m in MODALITIES]
    patterns = ["+".join(compress(names, row)) for row in present.tolist()]
    return torch.tensor([manifest.temperatures.get(p, manifest.temperature) for p in patterns], dtype=torch.float64)


def survivals(voices: Voices) -> Tensor:
    """Survival curves (B, K, E, P, J) float64: the mean of the voices."""
    return _mean(voices, lambda logits: torch_curves(logits.hazard.double()))


def responses(voices: Voices) -> Tensor:
    """Probabilities of response (B, K, E, O) float64: the mean of the voices."""
    return _mean(voices, lambda logits: torch.sigmoid(logits.response.double()))


def _mean(voices: Voices, said: Callable[[Logits], Tensor]) -> Tensor:
    roads = (said(voices.plain) + said(voices.taught))[:, None, None]
    return (said(voices.fusion) + roads) / len(voices)
