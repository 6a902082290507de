"""Write DNABERT-2 answers that our own encoder has no part in, for `test_dnabert_oracle.py`.

    python tests/oracles/make_dnabert_oracle.py

Attention, residuals, norms and embeddings are those of `transformers`' plain BERT in float64: its position
embeddings are zeroed, ALiBi enters as an additive attention mask, the fused projection is cut in three. Its MLP is
replaced by the gated one. A small network with seeded weights, saved in the naming of the published checkpoint with
its pretraining head (6 tensors), stands for the 117 million parameters, which are not at hand offline.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertAttention, BertEmbeddings

HERE = Path(__file__).parent
NAMES = ("query", "key", "value")
WIDTH, LAYERS, HEADS, INNER, VOCAB = 96, 2, 12, 100, 64
SLOPES = [2**-power for power in (1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5)]
"""Press et al. 2022 for 8 heads, then every other slope of 16 heads, as the authors do for 12."""
CONFIG = BertConfig(
    vocab_size=VOCAB,
    hidden_size=WIDTH,
    num_attention_heads=HEADS,
    max_position_embeddings=64,
    layer_norm_eps=1e-12,
    pad_token_id=3,
    attn_implementation="eager",
)


def published_weights(generator: torch.Generator) -> dict[str, Tensor]:
    """Random float32 weights, so large that attention is far from even and GELU far from linear."""

    def of(*shape: int, scale: float = 1.0) -> Tensor:
        return scale * torch.randn(*shape, generator=generator)

    def norm(name: str) -> dict[str, Tensor]:
        return {f"{name}.weight": 1 + of(WIDTH, scale=0.2), f"{name}.bias": of(WIDTH, scale=0.2)}

    def dense(name: str, out: int, inner: int) -> dict[str, Tensor]:
        return {f"{name}.weight": of(out, inner, scale=2 * inner**-0.5), f"{name}.bias": of(out, scale=0.2)}

    tensors = {
        "bert.embeddings.word_embeddings.weight": of(VOCAB, WIDTH),
        "bert.embeddings.token_type_embeddings.weight": of(2, WIDTH, scale=0.5),
    } | norm("bert.embeddings.LayerNorm")
    for layer in (f"bert.encoder.layer.{number}" for number in range(LAYERS)):
        tensors |= dense(f"{layer}.attention.self.Wqkv", 3 * WIDTH, WIDTH)
        tensors |= dense(f"{layer}.attention.output.dense", WIDTH, WIDTH) | norm(f"{layer}.attention.output.LayerNorm")
        tensors |= {f"{layer}.mlp.gated_layers.weight": of(2 * INNER, WIDTH, scale=2 * WIDTH**-0.5)}
        tensors |= dense(f"{layer}.mlp.wo", WIDTH, INNER) | norm(f"{layer}.mlp.layernorm")
    head = dense("cls.predictions.transform.dense", WIDTH, WIDTH) | norm("cls.predictions.transform.LayerNorm")
    return tensors | head | dense("cls.predictions.decoder", VOCAB, WIDTH)


def below(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def embeddings_of(tensors: dict[str, Tensor]) -> BertEmbeddings:
    module = BertEmbeddings(CONFIG).double().eval()
    zeros = {"position_embeddings.weight": torch.zeros(64, WIDTH, dtype=torch.float64)}
    module.load_state_dict(below(tensors, "bert.embeddings") | zeros)
    return module


def attention_of(tensors: dict[str, Tensor], layer: str) -> BertAttention:
    given = below(tensors, f"{layer}.attention")
    for part in ("weight", "bias"):
        fused = given.pop(f"self.Wqkv.{part}")
        given |= {f"self.{name}.{part}": cut for name, cut in zip(NAMES, fused.split(WIDTH), strict=True)}
    module = BertAttention(CONFIG).double().eval()
    module.load_state_dict(given)
    return module


def gated_mlp(x: Tensor, mlp: dict[str, Tensor]) -> Tensor:
    """The first half of the gated layers goes through the exact GELU, the second half multiplies it."""
    both = x @ mlp["gated_layers.weight"].T
    inner = nn.GELU(approximate="none")(both[..., :INNER]) * both[..., INNER:]
    out = inner @ mlp["wo.weight"].T + mlp["wo.bias"] + x
    return nn.functional.layer_norm(out, (WIDTH,), mlp["layernorm.weight"], mlp["layernorm.bias"], 1e-12)


@torch.no_grad()
def hidden_states(tensors: dict[str, Tensor], ids: Tensor, mask: Tensor) -> Tensor:
    """ids (B, T), mask (B, T) bool -> (B, T, H)."""
    tensors = {name: tensor.double() for name, tensor in tensors.items()}
    place = torch.arange(ids.shape[1], dtype=torch.float64)
    alibi = -torch.tensor(SLOPES, dtype=torch.float64).view(1, HEADS, 1, 1) * (place[:, None] - place).abs()
    bias = alibi + (~mask[:, None, None, :]).double() * -10000.0  # as the published code masks
    x = embeddings_of(tensors)(ids)
    for number in range(LAYERS):
        layer = f"bert.encoder.layer.{number}"
        x = gated_mlp(attention_of(tensors, layer)(x, attention_mask=bias)[0], below(tensors, f"{layer}.mlp"))
    return x


def main() -> None:
    generator = torch.Generator().manual_seed(20260301)
    tensors = published_weights(generator)
    ids = torch.randint(5, VOCAB, (4, 24), generator=generator)
    lengths = torch.tensor([24, 17, 3, 1])
    mask = torch.arange(24) < lengths[:, None]
    ids = ids.where(mask, 3)  # [PAD]
    hidden = hidden_states(tensors, ids, mask)
    mean = (hidden * mask[..., None]).sum(1) / lengths[:, None]
    save_file(tensors, HERE / "dnabert-weights.safetensors")
    answers = {"ids": ids, "mask": mask, "hidden": hidden.float(), "mean": mean.float()}
    save_file(answers, HERE / "dnabert-answers.safetensors")


if __name__ == "__main__":
    main()
