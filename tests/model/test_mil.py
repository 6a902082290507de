"""Gated attention over bags: the running softmax equals the one at once, whatever the chunks."""

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.arrival import ImagingEncoder
from model.encoders.pooling import AttentionPool
from model.network import network_of
from model.untrained import untrained_manifest
from schemas.errors import Reason, Refused


@pytest.fixture
def pool() -> AttentionPool:
    torch.manual_seed(0)
    return AttentionPool(width=12, hidden=8)


@pytest.fixture(scope="module")
def encoder() -> ImagingEncoder:
    manifest = untrained_manifest()
    return ImagingEncoder(network_of(manifest, seed=4), manifest)


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_running_softmax_equals_one_shot(pool: AttentionPool, chunk: int, scale: float) -> None:
    items = scale * torch.randn(2, 150, 12, generator=torch.Generator().manual_seed(1))
    present = torch.rand(2, 150, generator=torch.Generator().manual_seed(2)) < 0.7
    state = pool.begin(2, 12)
    for start in range(0, 150, chunk):
        state = pool.add(state, items[:, start : start + chunk], present[:, start : start + chunk])
    torch.testing.assert_close(pool.finish(state), pool(items, present))


def test_an_empty_bag_is_zeros_with_finite_gradients(pool: AttentionPool) -> None:
    items = torch.randn(1, 4, 12, requires_grad=True)
    nothing = torch.zeros(1, 4, dtype=torch.bool)
    pooled = pool(items, nothing)
    pooled.sum().backward()
    assert torch.equal(pooled, torch.zeros(1, 12))
    assert torch.equal(pool.finish(pool.begin(1, 12)), torch.zeros(1, 12))
    assert items.grad is not None
    assert items.grad.isfinite().all()


def test_absent_garbage_cannot_change_a_bag(pool: AttentionPool) -> None:
    items, present = torch.randn(1, 4, 12), torch.tensor([[True, True, False, True]])
    spoilt = items.clone()
    spoilt[:, 2] = float("nan")
    assert torch.equal(pool(items, present), pool(spoilt, present))


@pytest.mark.parametrize("cut", [1, 100, 256, 700])
def test_a_vector_does_not_depend_on_how_its_bag_was_chunked(encoder: ImagingEncoder, cut: int) -> None:
    bag = np.random.default_rng(0).normal(size=(700, 512)).astype(np.float32)
    chunks: Iterable[NDArray[np.float32]] = (bag[start : start + cut] for start in range(0, 700, cut))
    assert encoder.encode_bag(chunks, "uni-512") == encoder.encode_bag([bag], "uni-512")


def test_a_vector_depends_on_every_tile(encoder: ImagingEncoder) -> None:
    tiles = list(np.random.default_rng(0).random((18, 3, 64, 64)).astype(np.float32))
    assert encoder.encode_tiles(tiles) != encoder.encode_tiles(tiles[:-1])


@pytest.mark.parametrize(("space", "width"), [("other-512", 512), ("uni-512", 500)])
def test_an_unknown_space_or_width_is_refused(encoder: ImagingEncoder, space: str, width: int) -> None:
    with pytest.raises(Refused) as refusal:
        encoder.encode_bag([np.zeros((3, width), np.float32)], space)
    assert refusal.value.reason is Reason.UNKNOWN_FEATURES
