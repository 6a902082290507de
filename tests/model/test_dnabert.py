"""DNABERT-2's architecture against its paper's numbers, a layer written again in NumPy, and its own promises."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.encoders.alibi import alibi_bias, alibi_slopes
from model.encoders.dnabert import PUBLISHED, DnaBert, DnaBertConfig, SequenceEncoder, masked_mean

TINY = DnaBertConfig(vocab=20, hidden=12, layers=2, heads=3, intermediate=10)
EIGHT = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]
Array = NDArray[np.float64]


def tiny() -> DnaBert:
    torch.manual_seed(0)
    encoder = DnaBert(TINY).double().eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return encoder


def some_ids(rows: int, tokens: int) -> Tensor:
    return torch.randint(TINY.vocab, (rows, tokens), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(
    ("heads", "published"),
    [
        pytest.param(8, EIGHT, id="8-of-the-paper"),
        pytest.param(
            12,
            [*EIGHT, 0.7071067811865476, 0.35355339059327384, 0.17677669529663692, 0.08838834764831849],
            id="12-of-dnabert-2",
        ),
        pytest.param(1, [2**-8], id="1"),
        pytest.param(3, [2**-4, 2**-8, 2**-2], id="3"),
    ],
)
def test_the_slopes_are_the_published_ones(heads: int, published: list[float]) -> None:
    assert alibi_slopes(heads) == pytest.approx(published, rel=1e-12)


def test_the_bias_falls_alike_on_both_sides() -> None:
    expected = -0.5 * torch.tensor([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    assert torch.equal(alibi_bias(8, 3)[0], expected)


def test_the_published_sizes_have_the_published_names_and_count() -> None:
    with torch.device("meta"):
        encoder = DnaBert(PUBLISHED)
    parameters = {name: tuple(tensor.shape) for name, tensor in encoder.state_dict().items()}
    head = (768 * 768 + 768) + 2 * 768 + 4096  # transform, norm and bias of the masked-language head; decoder tied
    assert sum(tensor.numel() for tensor in encoder.parameters()) + head == 117_074_176  # "117M", 117.07 million
    layer = {name.removeprefix("bert.encoder.layer.11."): shape for name, shape in parameters.items() if ".11." in name}
    assert layer == {
        "attention.self.Wqkv.weight": (2304, 768),
        "attention.self.Wqkv.bias": (2304,),
        "attention.output.dense.weight": (768, 768),
        "attention.output.dense.bias": (768,),
        "attention.output.LayerNorm.weight": (768,),
        "attention.output.LayerNorm.bias": (768,),
        "mlp.gated_layers.weight": (6144, 768),
        "mlp.wo.weight": (768, 3072),
        "mlp.wo.bias": (768,),
        "mlp.layernorm.weight": (768,),
        "mlp.layernorm.bias": (768,),
    }
    assert {name: shape for name, shape in parameters.items() if ".layer." not in name} == {
        "bert.embeddings.word_embeddings.weight": (4096, 768),
        "bert.embeddings.token_type_embeddings.weight": (2, 768),
        "bert.embeddings.LayerNorm.weight": (768,),
        "bert.embeddings.LayerNorm.bias": (768,),
    }


def normed(x: Array, weights: dict[str, Array], name: str) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled: Array = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def attention_by_hand(x: Array, weights: dict[str, Array], name: str, slopes: list[float]) -> Array:
    fused = x @ weights[f"{name}.Wqkv.weight"].T + weights[f"{name}.Wqkv.bias"]
    query, key, value = (fused[:, 12 * part : 12 * part + 12] for part in range(3))
    mixed = np.zeros_like(x)
    for head, slope in enumerate(slopes):
        own = slice(4 * head, 4 * head + 4)
        scores = query[:, own] @ key[:, own].T / 2.0
        scores -= slope * np.abs(np.subtract.outer(np.arange(len(x)), np.arange(len(x))))
        share = np.exp(scores - scores.max(-1, keepdims=True))
        mixed[:, own] = share / share.sum(-1, keepdims=True) @ value[:, own]
    return mixed


def layer_by_hand(x: Array, weights: dict[str, Array], name: str) -> Array:
    mixed = attention_by_hand(x, weights, f"{name}.attention.self", [1 / 16, 1 / 256, 1 / 4])
    output = f"{name}.attention.output"
    x = normed(
        mixed @ weights[f"{output}.dense.weight"].T + weights[f"{output}.dense.bias"] + x,
        weights,
        f"{output}.LayerNorm",
    )
    both = x @ weights[f"{name}.mlp.gated_layers.weight"].T
    gate = torch.special.erf(torch.from_numpy(both[:, :10]) / 2**0.5).numpy()
    inner = 0.5 * both[:, :10] * (1 + gate) * both[:, 10:]
    return normed(
        inner @ weights[f"{name}.mlp.wo.weight"].T + weights[f"{name}.mlp.wo.bias"] + x,
        weights,
        f"{name}.mlp.layernorm",
    )


def test_hidden_states_are_those_of_the_formulas_written_again_in_numpy() -> None:
    encoder, ids = tiny(), some_ids(1, 7)
    weights = {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}
    x = weights["bert.embeddings.word_embeddings.weight"][ids[0].numpy()]
    x = normed(x + weights["bert.embeddings.token_type_embeddings.weight"][0], weights, "bert.embeddings.LayerNorm")
    for index in range(TINY.layers):
        x = layer_by_hand(x, weights, f"bert.encoder.layer.{index}")
    got = encoder(ids, torch.ones(1, 7, dtype=torch.bool)).detach().numpy()
    np.testing.assert_allclose(got[0], x, rtol=0, atol=1e-6)  # ALiBi itself is float32


def test_padding_does_not_change_the_result() -> None:
    torch.manual_seed(1)
    encoder = SequenceEncoder(TINY).eval()
    ids = some_ids(2, 5)
    alone = encoder(ids, torch.ones(2, 5, dtype=torch.bool))
    padded = torch.cat((ids, some_ids(2, 4)), dim=1)
    mask = torch.tensor([[True] * 5 + [False] * 4] * 2)
    assert alone.shape == (2, 128)
    torch.testing.assert_close(encoder(padded, mask), alone, rtol=0, atol=1e-6)
    assert not torch.allclose(encoder(padded, torch.ones_like(mask)), alone, atol=1e-3)


def test_the_mean_is_over_tokens_only_and_zero_without_any() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [float("nan"), 99.0]], [[7.0, 7.0]] * 3])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert torch.equal(masked_mean(hidden, mask), torch.tensor([[2.0, 4.0], [0.0, 0.0]]))


def test_a_row_of_padding_alone_is_finite_and_so_are_its_gradients() -> None:
    encoder = SequenceEncoder(TINY)
    out = encoder(some_ids(2, 4), torch.tensor([[False] * 4, [True] * 4]))
    out.square().sum().backward()
    assert out.isfinite().all()
    gradients = [parameter.grad for parameter in encoder.parameters() if parameter.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
