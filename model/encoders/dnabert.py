"""DNABERT-2 (Zhou et al. 2023, a MosaicBERT), written here so that its published weights load without its code.

A BERT encoder with ALiBi in place of position embeddings, a gated GELU MLP and one fused
projection for query, key and value; layer norm after each residual. Names of modules are those of
the published checkpoint `zhihan1996/DNABERT-2-117M`. We leave out its dropout and its unpadding:
padding is masked instead, which gives the same hidden states.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.alibi import alibi_bias


@dataclass(frozen=True)
class DnaBertConfig:
    """The sizes of one DNABERT-2; the default is a small one for training from scratch."""

    vocab: int = 4096
    hidden: int = 128
    layers: int = 2
    heads: int = 4
    intermediate: int = 256


PUBLISHED = DnaBertConfig(vocab=4096, hidden=768, layers=12, heads=12, intermediate=3072)
"""The sizes of `zhihan1996/DNABERT-2-117M`."""


class Embeddings(nn.Module):
    """Word and token type embeddings, normed; every token is of type 0. ids (B, T) -> (B, T, H)."""

    def __init__(self, config: DnaBertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab, config.hidden)
        self.token_type_embeddings = nn.Embedding(2, config.hidden)
        self.LayerNorm = nn.LayerNorm(config.hidden, eps=1e-12)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> (B, T, H)."""
        embedded: Tensor = self.LayerNorm(self.word_embeddings(ids) + self.token_type_embeddings.weight[0])
        return embedded


class SelfAttention(nn.Module):
    """Softmax(QKᵀ/√d + bias)V with one fused projection. x (B, T, H), bias (B, heads, T, T) -> (B, T, H)."""

    def __init__(self, config: DnaBertConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.Wqkv = nn.Linear(config.hidden, 3 * config.hidden)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """x (B, T, H), bias (B, heads, T, T) -> (B, T, H)."""
        rows, tokens, hidden = x.shape
        fused = self.Wqkv(x).view(rows, tokens, 3, self.heads, hidden // self.heads)
        query, key, value = fused.permute(2, 0, 3, 1, 4)  # each (B, heads, T, H / heads)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return mixed.transpose(1, 2).reshape(rows, tokens, hidden)


class SelfOutput(nn.Module):
    """The projection after attention, its residual and norm. mixed, x (B, T, H) -> (B, T, H)."""

    def __init__(self, config: DnaBertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden, config.hidden)
        self.LayerNorm = nn.LayerNorm(config.hidden, eps=1e-12)

    def forward(self, mixed: Tensor, x: Tensor) -> Tensor:
        """mixed (B, T, H), x (B, T, H) -> (B, T, H)."""
        normed: Tensor = self.LayerNorm(self.dense(mixed) + x)
        return normed


class Attention(nn.Module):
    """Self-attention and its output. x (B, T, H), bias (B, heads, T, T) -> (B, T, H)."""

    def __init__(self, config: DnaBertConfig) -> None:
        super().__init__()
        self.self = SelfAttention(config)
        self.output = SelfOutput(config)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """x (B, T, H), bias (B, heads, T, T) -> (B, T, H)."""
        attended: Tensor = self.output(self.self(x, bias), x)
        return attended


class GatedMlp(nn.Module):
    """GELU(xA) · xB, projected back, its residual and norm (Shazeer 2020). x (B, T, H) -> (B, T, H)."""

    def __init__(self, config: DnaBertConfig) -> None:
        super().__init__()
        self.gated_layers = nn.Linear(config.hidden, 2 * config.intermediate, bias=False)
        self.wo = nn.Linear(config.intermediate, config.hidden)
        self.layernorm = nn.LayerNorm(config.hidden, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, H) -> (B, T, H)."""
        gated, plain = self.gated_layers(x).chunk(2, dim=-1)  # each (B, T, intermediate); the first half is the gate
        normed: Tensor = self.layernorm(self.wo(functional.gelu(gated) * plain) + x)
        return normed


class Layer(nn.Module):
    """Attention, then the gated MLP. x (B, T, H), bias (B, heads, T, T) -> (B, T, H)."""

    def __init__(self, config: DnaBertConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.mlp = GatedMlp(config)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """x (B, T, H), bias (B, heads, T, T) -> (B, T, H)."""
        out: Tensor = self.mlp(self.attention(x, bias))
        return out


class DnaBert(nn.Module):
    """The encoder: ids (B, T) long, mask (B, T) bool, True where there is a token -> hidden states (B, T, H).

    Hidden states at padding mean nothing; those at tokens do not depend on the padding.
    """

    def __init__(self, config: DnaBertConfig) -> None:
        super().__init__()
        self.config = config
        layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.bert = nn.ModuleDict({"embeddings": Embeddings(config), "encoder": nn.ModuleDict({"layer": layers})})
        self.apply(initialise)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids (B, T), mask (B, T) -> (B, T, H)."""
        x: Tensor = self.bert["embeddings"](ids)
        bias = alibi_bias(self.config.heads, ids.shape[1]).to(x)
        # The smallest number, not -inf: a row of padding alone stays finite.
        bias = bias.where(mask[:, None, None, :], torch.finfo(x.dtype).min)  # (B, heads, T, T)
        for layer in self.bert.get_submodule("encoder.layer").children():
            x = layer(x, bias)
        return x


def initialise(module: nn.Module) -> None:
    """BERT's start: normal weights of deviation 0.02, zero biases."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean over tokens: hidden (B, T, H), mask (B, T) bool -> (B, H); zeros where a row has no token."""
    present = mask.unsqueeze(-1).to(hidden.dtype)
    return torch.where(mask.unsqueeze(-1), hidden, 0).sum(dim=1) / present.sum(dim=1).clamp(min=1)


class SequenceEncoder(nn.Module):
    """DNA into the embedding space: DNABERT-2, the mean over tokens, a projection.

    ids (B, T) long, mask (B, T) bool -> (B, width). A row without a token gives the projection of zeros.
    """

    def __init__(self, config: DnaBertConfig, width: int = 128) -> None:
        super().__init__()
        self.dnabert = DnaBert(config)
        self.project = nn.Linear(config.hidden, width)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids (B, T), mask (B, T) -> (B, width)."""
        projected: Tensor = self.project(masked_mean(self.dnabert(ids, mask), mask))
        return projected
