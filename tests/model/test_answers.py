"""What is made of the voices' numbers, against the same worked out one voice after another with numpy and scipy."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from scipy.stats import entropy
from torch import Tensor

from model.answers import Answers, Rows, answer
from model.network import Network, network_of
from model.untrained import untrained_manifest
from model.voices import speak, usable_modalities
from schemas.manifest import Manifest, Sizes

YEAR = 365.25
EDGES = (0.5 * YEAR, YEAR, 3 * YEAR, 6 * YEAR)
PRESENT = torch.tensor([[True, False, False], [True, True, False], [True, True, True], [False, True, False]])
DRAWS, HEADS = 5, 3


def made(**tasks: Any) -> tuple[Manifest, Network]:
    draft = untrained_manifest("mlp", Sizes(width=8, heads=2, draws=DRAWS, ensemble=HEADS))
    manifest = draft.model_copy(
        update={
            "tasks": draft.tasks.model_copy(update={"endpoints": ("OS", "RFS"), "edges_days": EDGES} | tasks),
            "temperature": 2.0,
            "temperatures": {"clinical": 0.5},
        }
    )
    network = network_of(manifest, seed=4).eval().requires_grad_(False)
    network.heads.baseline.copy_(torch.linspace(-6, 4, network.heads.baseline.numel()).view_as(network.heads.baseline))
    network.heads.linear.weight.mul_(6)
    return manifest, network


def given(manifest: Manifest, network: Network) -> tuple[Tensor, Tensor]:
    """Encoded (B, M, E) and noise (B, K, M, D)."""
    random = torch.Generator().manual_seed(1)
    encoded = torch.randn(len(PRESENT), 3, manifest.sizes.width + network.beside, generator=random)
    return encoded * PRESENT[..., None], 3 * torch.randn(len(PRESENT), DRAWS, 3, manifest.sizes.width, generator=random)


def heard(network: Network, manifest: Manifest, encoded: Tensor, noise: Tensor) -> dict[str, np.ndarray]:
    """(B, K, E, ...) of each kind: the mean of the three voices."""
    voices = speak(network, encoded, PRESENT, usable_modalities(manifest), noise)
    parts: dict[str, list[Any]] = {"diagnosis": [], "survival": [], "response": []}
    for row, draw, head in np.ndindex(len(PRESENT), DRAWS, HEADS):
        warmth = 0.5 if PRESENT[row].tolist() == [True, False, False] else 2.0
        fusion = [part[row, draw, head].double().numpy() for part in voices.fusion]
        each = [fusion, *([part[row].double().numpy() for part in road] for road in (voices.plain, voices.taught))]
        parts["diagnosis"].append(np.mean([softmax(one[0] / warmth) if one[0].size else one[0] for one in each], 0))
        parts["survival"].append(np.mean([np.cumprod(1 - expit(one[1]), -1) for one in each], 0))
        parts["response"].append(np.mean([expit(one[2]) for one in each], 0))
    return {name: np.reshape(rows, (len(PRESENT), DRAWS, HEADS, *rows[0].shape)) for name, rows in parts.items()}


def crossing(curve: np.ndarray) -> float:
    return float(np.interp(-0.5, [-1, *-curve], [0, *EDGES])) if curve[-1] <= 0.5 else np.inf


@pytest.fixture(scope="module")
def all_there() -> tuple[Manifest, Network, Tensor, Tensor, Answers]:
    manifest, network = made()
    encoded, noise = given(manifest, network)
    return manifest, network, encoded, noise, answer(network, manifest, [Rows(encoded, PRESENT, noise)])


Made = tuple[Manifest, Network, Tensor, Tensor, Answers]


def test_what_is_said_is_the_mean_over_draws_and_heads(all_there: Made) -> None:
    manifest, network, encoded, noise, found = all_there
    means = {name: part.mean((1, 2)) for name, part in heard(network, manifest, encoded, noise).items()}
    np.testing.assert_allclose(found.diagnosis, means["diagnosis"], atol=1e-9)
    np.testing.assert_allclose(found.survival, means["survival"], atol=1e-9)
    np.testing.assert_allclose(found.response, means["response"], atol=1e-9)
    np.testing.assert_allclose(found.confidence, means["diagnosis"].max(-1), atol=1e-9)


def test_the_median_is_of_the_mean_curve_and_its_interval_of_each_draw_and_head(all_there: Made) -> None:
    manifest, network, encoded, noise, found = all_there
    curves = heard(network, manifest, encoded, noise)["survival"].reshape(len(PRESENT), DRAWS * HEADS, 2, len(EDGES))
    assert len(np.unique(found.medians)) > 10
    for row, endpoint in np.ndindex(len(PRESENT), 2):
        each = sorted(crossing(curve) for curve in curves[row, :, endpoint])
        wanted = [crossing(curves[row, :, endpoint].mean(0)), each[1], each[13]]  # of 15, the 10 and 90 % quantiles
        np.testing.assert_allclose(found.medians[row, :, endpoint], wanted, rtol=1e-6)


def test_the_doubt_is_split_by_what_differs_and_adds_up(all_there: Made) -> None:
    manifest, network, encoded, noise, found = all_there
    chances = heard(network, manifest, encoded, noise)["diagnosis"]
    total = entropy(chances.mean((1, 2)), axis=-1)
    of_draws, data = entropy(chances.mean(2), axis=-1).mean(1), entropy(chances, axis=-1).mean((1, 2))
    parts = np.stack((total, data, total - of_draws, of_draws - data, 0 * data, 0 * data), 1)
    np.testing.assert_allclose(found.doubt, parts, atol=1e-9)
    assert (parts[0, 2:4] > 1e-4).all()


def test_a_drop_is_what_draws_of_that_modality_alone_disagree_on(all_there: Made) -> None:
    manifest, network, encoded, noise, found = all_there
    for place in range(3):
        only = torch.zeros_like(noise)
        only[:, :, place] = noise[:, :, place]
        by_draw = heard(network, manifest, encoded, only)["diagnosis"].mean(2)
        drop = entropy(by_draw.mean(1), axis=-1) - entropy(by_draw, axis=-1).mean(1)
        np.testing.assert_allclose(found.drops[:, place], np.where(PRESENT[:, place], 0.0, drop), atol=1e-9)
    assert (found.drops[0] > 0).tolist() == [False, True, True]


def test_patients_of_two_batches_are_told_what_they_are_told_alone(all_there: Made) -> None:
    manifest, network, encoded, noise, found = all_there
    halves = [Rows(encoded[part], PRESENT[part], noise[part]) for part in (slice(0, 2), slice(2, 4))]
    told = answer(network, manifest, halves)
    for name in Answers.__dataclass_fields__:
        np.testing.assert_allclose(getattr(told, name), getattr(found, name), atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("edges", "asked"),
    [pytest.param(EDGES, 2 * YEAR, id="two-years"), pytest.param((0.5 * YEAR, YEAR), YEAR, id="the-end-if-earlier")],
)
def test_without_labels_the_doubt_is_whether_the_first_event_comes_in_time(
    edges: tuple[float, ...], asked: float
) -> None:
    manifest, network = made(diagnosis=(), edges_days=edges)
    encoded, noise = given(manifest, network)
    found = answer(network, manifest, [Rows(encoded, PRESENT, noise)])
    first = found.survival[:, 0]
    alive = np.array([np.interp(asked, [0, *edges], [1, *curve]) for curve in first])
    np.testing.assert_allclose(found.confidence, np.maximum(alive, 1 - alive), atol=1e-9)
    np.testing.assert_allclose(found.doubt[:, 0], entropy([alive, 1 - alive], axis=0), atol=1e-9)
    assert found.diagnosis.shape == (len(PRESENT), 0)
    only = noise * torch.tensor([0.0, 0.0, 1.0])[:, None]  # the genome's draws alone
    curves = heard(network, manifest, encoded, only)["survival"].mean(2)[0, :, 0]
    by_draw = np.array([np.interp(asked, [0, *edges], [1, *curve]) for curve in curves])
    drop = entropy([by_draw.mean(), 1 - by_draw.mean()]) - entropy([by_draw, 1 - by_draw], axis=0).mean()
    assert found.drops[0, 2] == pytest.approx(drop, abs=1e-9)


def test_a_network_without_endpoints_names_labels_and_draws_no_curve() -> None:
    """Each of its requests was set aside as an internal error."""
    manifest, network = made(endpoints=())
    encoded, noise = given(manifest, network)
    found = answer(network, manifest, [Rows(encoded, PRESENT, noise)])
    wanted = heard(network, manifest, encoded, noise)["diagnosis"].mean((1, 2))
    np.testing.assert_allclose(found.diagnosis, wanted, atol=1e-9)
    assert (found.survival.shape, found.medians.shape) == ((len(PRESENT), 0, len(EDGES)), (len(PRESENT), 3, 0))


def test_without_labels_and_endpoints_there_is_nothing_to_doubt() -> None:
    manifest, network = made(diagnosis=(), endpoints=())
    encoded, noise = given(manifest, network)
    found = answer(network, manifest, [Rows(encoded, PRESENT, noise)])
    assert not found.doubt.any()
    assert not found.drops.any()
    assert (found.confidence == 1).all()
