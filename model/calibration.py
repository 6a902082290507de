"""Answers made to mean what they say: gains, temperatures and conformal quantiles, from patients who did not train.

The student never saw the validation patients, and each of them is spoken of by roads that never saw that patient. The
encoders' training stopped by them: close to, not quite, an untouched set.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import beta
from torch import Tensor
from torch.nn import functional

from model.draws import normal_draws
from model.examples import Examples, subsets
from model.linear_fit import minimise
from model.linear_roads import Opinion
from model.network import MODALITIES, Network
from model.voices import Voices, diagnoses, speak
from model.wording import pattern_of
from schemas.manifest import Manifest

_TEMPERATURES: list[float] = np.exp(np.linspace(np.log(0.25), np.log(4), 81)).tolist()
_PULL = 16.0
"""Ridge on a temperature's logarithm, on the scale of losses summed over patients: a quarter is its deviation.

What a hundred patients say of a temperature is luck for a good part. It is held to 1, and a pattern's to that of all,
so that a run of easy patients does not make all later answers surer.
"""
_SLACK = 4.0
"""Ridge that holds a gain to 1, on the scale of losses summed over patients."""


@dataclass(frozen=True)
class Shown:
    """What is said of n patients under one availability pattern, and their true labels (n,)."""

    pattern: str
    voices: Voices
    truth: NDArray[np.int64]


def calibrate(network: Network, manifest: Manifest, examples: Examples, opinions: tuple[Opinion, Opinion]) -> Manifest:
    """Set the heads' gains; the manifest with temperatures and quantiles, as it was without diagnosis labels."""
    if not len(examples.held):
        return manifest
    encoded = encoded_unseen(network, examples, examples.held, opinions)
    _set_gains(network, examples, encoded)
    known = torch.nonzero(examples.labels.diagnosis[examples.held] >= 0).squeeze(1)
    if not manifest.tasks.diagnosis or not len(known):
        return manifest
    shown = patterns_shown(network, manifest, examples, examples.held[known], encoded[known])
    common = temperature_of(shown, 1.0, share=len(known) / sum(len(part.truth) for part in shown))
    temperatures = {part.pattern: temperature_of([part], common) for part in shown}
    quantiles = {
        part.pattern: conformal_quantile(1 - chance_of_truth(part, temperatures[part.pattern]), manifest.alpha)
        for part in shown
    }
    return manifest.model_copy(
        update={
            "temperature": common,
            "temperatures": dict(sorted(temperatures.items())),
            "conformal": dict(sorted(quantiles.items())),
        }
    )


@torch.no_grad()
def encoded_of(network: Network, examples: Examples, rows: Tensor) -> Tensor:
    """These patients as the network serves them: (n, M, E), zeros where a patient has no such modality."""
    parts = [network.encode(modality, examples.batch(modality, rows)) for modality in MODALITIES]
    return torch.stack(parts, 1) * examples.present[rows].unsqueeze(-1)


def encoded_unseen(network: Network, examples: Examples, rows: Tensor, opinions: tuple[Opinion, Opinion]) -> Tensor:
    """The same with the roads' out-of-fold scores in the place of what they would say of their own patients."""
    encoded = encoded_of(network, examples, rows)
    width = encoded.shape[-1] - network.beside
    for place, modality in enumerate(MODALITIES):
        mine = examples.features[modality]["block"][rows].unsqueeze(-1)  # (n, K, 1)
        scores = [(opinion.scores[rows] * mine).flatten(1) for opinion in opinions]
        encoded[:, place, width:] = torch.cat((*scores, mine.squeeze(-1).float()), -1)
    return encoded * examples.present[rows].unsqueeze(-1)


@torch.inference_mode()
def patterns_shown(
    network: Network, manifest: Manifest, examples: Examples, rows: Tensor, encoded: Tensor
) -> list[Shown]:
    """Each patient under every pattern it can be shown in, through the same draws and heads as in serving."""
    found = []
    for kept in subsets(examples.present[rows]):
        there = torch.nonzero(kept.any(1)).squeeze(1)
        shown = tuple(m for m, is_kept in zip(MODALITIES, kept[there[0]].tolist(), strict=True) if is_kept)
        noise = noise_of([f"calibration:{row}" for row in there.tolist()], manifest)
        voices = speak(network, encoded[there], kept[there], examples.usable, noise)
        found.append(Shown(pattern_of(shown), voices, examples.labels.diagnosis[rows[there]].numpy()))
    return found


def noise_of(names: list[str], manifest: Manifest) -> Tensor:
    """The draws that belong to each name: (n, K, M, D)."""
    sizes = manifest.sizes
    return torch.from_numpy(np.stack([normal_draws(name, sizes.draws, len(MODALITIES), sizes.width) for name in names]))


def conformal_quantile(scores: NDArray[np.float64], alpha: float, delta: float = 0.1) -> float:
    """The split-conformal quantile that covers 1 - alpha whichever n patients calibrated it, but for delta of draws.

    The coverage of rank k among n is Beta(k, n + 1 - k) over draws of the calibrating patients (Vovk 2012); the
    least rank is taken that falls below 1 - alpha with a probability of at most delta. The usual rank,
    ceil((n + 1)(1 - alpha)), covers on average only: with 55 patients it was .84 for one pattern, and a deployed
    set is calibrated once. 1, so that every label is in the set, where n is too small for any rank.
    """
    ranks = np.arange(1, len(scores) + 1)
    short = beta.cdf(1 - alpha, ranks, len(scores) + 1 - ranks)  # falling in the rank
    enough = np.flatnonzero(short <= delta)
    return round(float(np.sort(scores)[enough[0]]), 6) if len(enough) else 1.0


def _set_gains(network: Network, examples: Examples, encoded: Tensor) -> None:
    """One gain an endpoint, by the likelihood of what became of the validation patients."""
    heads, present = network.heads, examples.present[examples.held]
    labels, width = examples.labels.rows(examples.held), encoded.shape[-1] - network.beside
    if not heads.gain.numel():
        return
    with torch.no_grad():
        completed, _ = network.impute(encoded[..., :width], present)
        features = network.fused(completed, present, examples.usable)
        risk, slope = (part.double() for part in heads.risks(features))  # (n, E, P)
    gain = torch.ones_like(heads.gain, dtype=torch.float64, requires_grad=True)
    event, exposed = (part.unsqueeze(1).double() for part in (labels.hazard * labels.at_risk, labels.at_risk))

    def objective() -> Tensor:
        logits = heads.hazards(risk, slope, gain)
        loss = (exposed * functional.softplus(logits) - event * logits).mean(1).sum()
        return loss + _SLACK / 2 * (gain - 1).square().sum()

    minimise({"gain": gain}, objective, steps=50)
    heads.gain.copy_(gain.detach().clamp(0.0, 5.0))


def temperature_of(shown: list[Shown], around: float, share: float = 1.0) -> float:
    """The temperature that these patients' true labels ask for, against the pull `around`.

    A patient who is shown under many patterns is not many patients: `share` is what one of these counts for.
    """

    def loss(temperature: float) -> float:
        pull = _PULL / 2 * math.log(temperature / around) ** 2
        return pull + share * sum(_nll(part, temperature) for part in shown)

    best = min(_TEMPERATURES, key=loss)
    return round(best, 6)


def chance_of_truth(part: Shown, temperature: float) -> NDArray[np.float64]:
    """The probability given to each patient's true label: (n,)."""
    warmth = torch.full((len(part.truth),), temperature, dtype=torch.float64)
    probabilities = diagnoses(part.voices, warmth).mean((1, 2)).numpy()
    chosen: NDArray[np.float64] = probabilities[np.arange(len(part.truth)), part.truth]
    return chosen


def _nll(part: Shown, temperature: float) -> float:
    return float(-np.log(np.maximum(chance_of_truth(part, temperature), 1e-12)).sum())
