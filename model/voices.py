"""The voices of the network, the fusion's and both linear roads', and their mean: what is served (DESIGN §7)."""

from collections.abc import Callable, Sequence
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


class Scene(NamedTuple):
    """What the network makes of B patients before anything is drawn: the same for every noise and every core."""

    present: Tensor
    """(B, M) bool."""
    usable: Tensor
    """(M,) bool."""
    mean: Tensor
    """(B, M, D): what is present, exactly, and the imputed means."""
    spread: Tensor
    """(B, M, D): standard deviations; 0 for what is present."""
    roads: tuple[Logits, Logits]
    """The plain and the taught one, (B, ...)."""


def usable_modalities(manifest: Manifest) -> Tensor:
    """(M,) bool: the modalities that the network was trained with."""
    return torch.tensor([modality in manifest.modalities for modality in MODALITIES])


def look(network: Network, encoded: Tensor, present: Tensor, usable: Tensor) -> Scene:
    """Encoded (B, M, E), present (B, M), usable (M,) -> `Scene`."""
    width = encoded.shape[-1] - network.beside
    mean, spread = network.impute(encoded[..., :width], present)
    beside = torch.where(present.unsqueeze(-1), encoded[..., width:], 0.0).sum(1)
    return Scene(present, usable, mean, spread, network.roads(beside))


def listen(network: Network, scene: Scene, noise: Tensor, core: Core | None = None) -> Voices:
    """A scene and noise (B, K, M, D) -> `Voices`.

    The noise of a modality is scaled by the imputer's standard deviation; zero noise is the imputed mean.
    `core` stands in for the fusion's own circuit, and is given the B·K rows at once.
    """
    rows, draws, _, _ = noise.shape
    completed = (scene.mean.unsqueeze(1) + scene.spread.unsqueeze(1) * noise).flatten(0, 1)  # (B*K, M, D)
    logits = network.decide(completed, scene.present.repeat_interleave(draws, 0), scene.usable, core)
    fusion = Logits(*(part.view(rows, draws, *part.shape[1:]) for part in logits))
    return Voices(fusion, *scene.roads)


def speak(network: Network, encoded: Tensor, present: Tensor, usable: Tensor, noise: Tensor) -> Voices:
    """Encoded (B, M, E), present (B, M), usable (M,), noise (B, K, M, D) -> `Voices`, as `listen` gives them."""
    return listen(network, look(network, encoded, present, usable), noise)


def diagnoses(voices: Voices, temperature: Tensor) -> Tensor:
    """Calibrated probabilities (B, K, E, C) float64: the mean of the voices; temperature (B,)."""
    warmth = temperature[:, None, None]
    return _mean([logits.diagnosis for logits in voices], lambda logits: (logits / warmth).softmax(-1))


def temperatures(manifest: Manifest, present: Tensor) -> Tensor:
    """present (B, M) bool -> (B,) float64: the temperature of each patient's pattern."""
    names = [m.value for m in MODALITIES]
    patterns = ["+".join(compress(names, row)) for row in present.tolist()]
    return torch.tensor([manifest.temperatures.get(p, manifest.temperature) for p in patterns], dtype=torch.float64)


def survivals(voices: Voices) -> Tensor:
    """Survival curves (B, K, E, P, J) float64: the mean of the voices."""
    return _mean([logits.hazard for logits in voices], torch_curves)


def responses(voices: Voices) -> Tensor:
    """Probabilities of response (B, K, E, O) float64: the mean of the voices."""
    return _mean([logits.response for logits in voices], torch.sigmoid)


def _mean(logits: Sequence[Tensor], said: Callable[[Tensor], Tensor]) -> Tensor:
    """Logits of the fusion (B, K, E, ...) and of the roads (B, ...) -> the mean of what `said` makes of them.

    All of them at once, (B, K·E + 2, ...): so few numbers cost less than one operation more.
    """
    fusion, *roads = logits
    joined = torch.cat((fusion.flatten(1, 2), torch.stack(roads, 1)), 1).double()
    each, members = said(joined), fusion.shape[1:3]
    heard, plain, taught = torch.split(each, [members.numel(), 1, 1], dim=1)
    mean: Tensor = (heard + (plain + taught)) / len(logits)
    return mean.view(fusion.shape[:1] + members + mean.shape[2:])
