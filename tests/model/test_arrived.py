"""Series over time: each vector comes with its age, and growth can be told from shrinkage."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch
from torch import Tensor

from model.encoders.arrived import VECTORS, ArrivedVectors, ImagingModality, vector_features
from model.features import Batch
from schemas.evidence import Evidence, Modality, Origin, Vector, evidence

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def series(day: int, value: float, weights: str = "w") -> Evidence:
    return evidence(
        patient="p",
        modality=Modality.IMAGING,
        source=f"s{day}",
        version="1",
        occurred_at=NOON + timedelta(days=day),
        origin=Origin(topic="t", partition=0, offset=day),
        vectors=[Vector.pack("imaging/cnn", weights, np.full(4, value, np.float32))],
    )


@pytest.mark.parametrize(
    ("pieces", "days_ago"),
    [
        pytest.param([], [], id="none"),
        pytest.param([series(5, 1.0)], [0], id="one"),
        pytest.param([series(0, 1.0), series(90, 2.0), series(90, 3.0)], [90, 0, 0], id="three"),
        pytest.param([series(0, 1.0), series(90, 2.0, "other")], [0], id="what-is-not-read-sets-no-clock"),
        pytest.param([series(day, 1.0) for day in range(20)], list(range(15, -1, -1)), id="the-newest-16"),
    ],
)
def test_each_vector_has_its_age_before_the_newest(pieces: list[Evidence], days_ago: list[int]) -> None:
    features = vector_features([[], pieces], {"imaging/cnn": "w"}, ["imaging/cnn"], 4)
    assert features["ago"].shape == (2, VECTORS)
    assert not features["arrived"][0].any()
    features = {name: array[1] for name, array in features.items()}
    assert features["arrived"].sum() == len(days_ago)
    np.testing.assert_allclose(features["ago"][: len(days_ago)], np.log1p(days_ago), rtol=1e-6)
    assert not features["ago"][len(days_ago) :].any()


def pair(older: Tensor, newer: Tensor) -> Batch:
    """Two series a patient, (B, 8) each, half a year apart."""
    vectors, ago = torch.zeros(len(older), VECTORS, 8), torch.zeros(len(older), VECTORS)
    vectors[:, 0], vectors[:, 1], ago[:, 0] = older, newer, np.log1p(180)
    arrived = (torch.arange(VECTORS) < 2).expand(len(older), -1)
    return {"vectors": vectors, "kind": torch.zeros_like(ago, dtype=torch.int64), "ago": ago, "arrived": arrived}


def drawn(count: int) -> tuple[Tensor, Tensor]:
    one, other = torch.randn(2, count, 8, generator=torch.Generator().manual_seed(1))
    return one, other


@torch.no_grad()
def differencing() -> ImagingModality:
    """What training could arrive at: even attention, and an age of half a year turns a vector round."""
    modality = ImagingModality(8, 1)
    for parameter in modality.parameters():
        parameter.zero_()
    modality.arrived.project.weight.copy_(torch.eye(8))
    modality.arrived.aged.weight.copy_(-2 / np.log1p(180) * torch.eye(8))
    return modality


@torch.no_grad()
def test_growth_can_be_told_from_shrinkage() -> None:
    one, other = drawn(5)
    expected = torch.nn.functional.layer_norm((other - one) / 3, (8,))  # of two vectors and `nothing`
    torch.testing.assert_close(differencing()(pair(one, other)), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(differencing()(pair(other, one)), -expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_without_ages_no_weights_could_tell_them_apart() -> None:
    torch.manual_seed(0)
    modality, (one, other) = ImagingModality(8, 1), drawn(5)
    torch.nn.init.normal_(modality.arrived.aged.weight)
    grown, shrunk = (pair(*both) | {"ago": torch.zeros(5, VECTORS)} for both in ((one, other), (other, one)))
    torch.testing.assert_close(modality(grown), modality(shrunk), rtol=0, atol=1e-5)


def test_before_training_age_says_nothing() -> None:
    batch = pair(*drawn(3))
    torch.manual_seed(0)
    layer = ArrivedVectors(8, 1)
    assert torch.equal(layer(batch), layer(batch | {"ago": torch.zeros_like(batch["ago"])}))
