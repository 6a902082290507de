"""Cross-modal attention: masked slots cannot be felt, and imputed slots are told from seen ones."""

import pytest
import torch
from torch import Tensor, nn

from model.attention import CrossModalAttention, MaskedAttention

USABLE = torch.tensor([True, True, False])


@pytest.fixture
def attention() -> CrossModalAttention:
    torch.manual_seed(0)
    return CrossModalAttention(width=16, heads=8, modalities=3).eval()


@pytest.fixture
def embeddings() -> Tensor:
    return torch.randn(5, 3, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), -1e30, 3.0])
def test_masked_garbage_cannot_change_the_output(
    attention: CrossModalAttention, embeddings: Tensor, garbage: float
) -> None:
    present = torch.tensor([True, False, True]).expand(5, 3)
    spoilt = embeddings.clone()
    spoilt[:, 2] = garbage
    assert torch.equal(attention(embeddings, present, USABLE), attention(spoilt, present, USABLE))


def test_whether_a_masked_slot_is_imputed_cannot_change_the_output(
    attention: CrossModalAttention, embeddings: Tensor
) -> None:
    one, other = (torch.tensor([True, False, last]).expand(5, 3) for last in (True, False))
    assert torch.equal(attention(embeddings, one, USABLE), attention(embeddings, other, USABLE))


def test_a_usable_slot_is_felt(attention: CrossModalAttention, embeddings: Tensor) -> None:
    present = torch.ones(5, 3, dtype=torch.bool)
    changed = embeddings.clone()
    changed[:, 1] *= -1
    assert not torch.allclose(attention(embeddings, present, USABLE), attention(changed, present, USABLE))


def test_an_imputed_slot_counts_otherwise_than_a_seen_one(attention: CrossModalAttention, embeddings: Tensor) -> None:
    seen = torch.ones(5, 3, dtype=torch.bool)
    imputed = torch.tensor([True, False, True]).expand(5, 3)
    assert not torch.allclose(attention(embeddings, seen, USABLE), attention(embeddings, imputed, USABLE))


def test_attention_equals_that_of_torch() -> None:
    torch.manual_seed(2)
    ours, theirs = MaskedAttention(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.project.weight,
            "in_proj_bias": ours.project.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    slots, usable = torch.randn(3, 6, 16), torch.rand(3, 6) < 0.6
    usable[:, 0] = True
    wanted, _ = theirs(slots, slots, slots, key_padding_mask=~usable, need_weights=False)
    torch.testing.assert_close(ours(slots, usable), wanted)
