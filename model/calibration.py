"""Probabilities made to mean what they say: one temperature, and a conformal quantile a pattern of availability.

Fitted on the validation patients, who also chose when training stopped: close to, not quite, an untouched set.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.draws import normal_draws
from model.joint_training import Examples, embed_rows, subsets
from model.linear_training import plain_scores
from model.network import MODALITIES, Network
from model.voices import Voices, diagnoses, speak
from schemas.manifest import Manifest

_TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(4), 81))


@dataclass(frozen=True)
class Shown:
    """What is said of n patients under one availability pattern, and their true labels (n,)."""

    pattern: str
    voices: Voices
    truth: NDArray[np.int64]


def calibrate(network: Network, manifest: Manifest, examples: Examples) -> Manifest:
    """The manifest with its temperature and quantiles; as it was for a network without diagnosis labels."""
    if not manifest.tasks.diagnosis:
        return manifest
    rows = examples.held[examples.labels.diagnosis[examples.held] >= 0]
    if not len(rows):
        return manifest
    shown = patterns_shown(network, manifest, examples, rows)
    temperature = min(_TEMPERATURES, key=lambda t: sum(_nll(part, float(t)) for part in shown))
    quantiles = {
        part.pattern: conformal_quantile(1 - _of_truth(part, float(temperature)), manifest.alpha) for part in shown
    }
    return manifest.model_copy(
        update={"temperature": round(float(temperature), 6), "conformal": dict(sorted(quantiles.items()))}
    )


@torch.inference_mode()
def patterns_shown(network: Network, manifest: Manifest, examples: Examples, rows: Tensor) -> list[Shown]:
    """Each patient under every pattern it can be shown in, through the same draws and heads as in serving."""
    sizes, found = manifest.sizes, []
    encoded = torch.cat((embed_rows(network, examples, rows), plain_scores(network, examples, rows)), -1)
    for kept in subsets(examples.present[rows]):
        there = torch.nonzero(kept.any(1)).squeeze(1)
        pattern = "+".join(m.value for m, is_kept in zip(MODALITIES, kept[there[0]].tolist(), strict=True) if is_kept)
        noise = np.stack(
            [normal_draws(f"calibration:{row}", sizes.draws, len(MODALITIES), sizes.width) for row in there.tolist()]
        )
        voices = speak(network, encoded[there], kept[there], examples.usable, torch.from_numpy(noise))
        found.append(Shown(pattern, voices, examples.labels.diagnosis[rows[there]].numpy()))
    return found


def conformal_quantile(scores: NDArray[np.float64], alpha: float) -> float:
    """The split-conformal quantile (Vovk 2005): rank ceil((n + 1)(1 - alpha)); 1 where n is too small for it."""
    rank = int(np.ceil((len(scores) + 1) * (1 - alpha)))
    return round(float(np.sort(scores)[rank - 1]), 6) if rank <= len(scores) else 1.0


def _of_truth(part: Shown, temperature: float) -> NDArray[np.float64]:
    """The probability given to each patient's true label: (n,)."""
    probabilities = diagnoses(part.voices, temperature).mean((1, 2)).numpy()
    chosen: NDArray[np.float64] = probabilities[np.arange(len(part.truth)), part.truth]
    return chosen


def _nll(part: Shown, temperature: float) -> float:
    return float(-np.log(np.maximum(_of_truth(part, temperature), 1e-12)).sum())
