"""The two voices of the network, the fusion's and the linear road's, and their mean: what is served (DESIGN §7)."""

from typing import NamedTuple

import torch
from torch import Tensor

from model.fusion import Core
from model.heads import Logits
from model.network import MODALITIES, Network
from model.survival import torch_curves
from schemas.manifest import Manifest


class Voices(NamedTuple):
    """What both say of B patients, before calibration."""

    fusion: Logits
    """(B, K, E, ...): K imputation draws of E heads."""
    linear: Logits
    """(B, ...)."""


def usable_modalities(manifest: Manifest) -> Tensor:
    """(M,) bool: the modalities that the network was trained with."""
    return torch.tensor([modality in manifest.modalities for modality in MODALITIES])


def speak(
    network: Network, encoded: Tensor, present: Tensor, usable: Tensor, noise: Tensor, core: Core | None = None
) -> Voices:
    """Encoded (B, M, D + L), present (B, M), usable (M,), noise (B, K, M, D) -> `Voices`.

    The noise of a modality is scaled by the imputer's standard deviation; zero noise is the imputed mean.
    `core` stands in for the fusion's own circuit, and is given the B·K rows at once.
    """
    rows, draws, _, width = noise.shape
    mean, spread = network.impute(encoded[..., :width], present)
    completed = (mean.unsqueeze(1) + spread.unsqueeze(1) * noise).flatten(0, 1)  # (B*K, M, D)
    logits = network.decide(completed, present.repeat_interleave(draws, 0), usable, core)
    fusion = Logits(*(part.view(rows, draws, *part.shape[1:]) for part in logits))
    return Voices(fusion, network.linear(encoded[..., width:], present))


def diagnoses(voices: Voices, temperature: float) -> Tensor:
    """Calibrated probabilities (B, K, E, C) float64: the mean of both voices."""
    fusion = (voices.fusion.diagnosis.double() / temperature).softmax(-1)
    linear = (voices.linear.diagnosis.double() / temperature).softmax(-1)
    return (fusion + linear[:, None, None]) / 2


def survivals(voices: Voices) -> Tensor:
    """Survival curves (B, K, E, P, J) float64: the mean of both voices."""
    linear = torch_curves(voices.linear.hazard.double())
    return (torch_curves(voices.fusion.hazard.double()) + linear[:, None, None]) / 2


def responses(voices: Voices) -> Tensor:
    """Probabilities of response (B, K, E, O) float64: the mean of both voices."""
    linear = torch.sigmoid(voices.linear.response.double())
    return (torch.sigmoid(voices.fusion.response.double()) + linear[:, None, None]) / 2
