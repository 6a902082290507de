"""What reads sequences before the network does: nothing (its own small DNABERT-2 is trained), or a frozen one by name.

As behind a backbone of images: its weights stay in a folder of their own, the manifest names it and holds its hash,
and a projection is trained behind it.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Protocol

import torch
from tokenizers import Tokenizer
from torch import Tensor

from model.encoders.dna_tokenizer import token_batches, windows
from model.encoders.dnabert import DnaBert, masked_mean
from model.encoders.dnabert_weights import load_published, read_config, read_tokenizer
from model.encoders.model_folder import folder_hash
from schemas.errors import Refused
from schemas.manifest import SMALL_DNA, Sizes

_NAME = re.compile(r"dnabert2:([A-Za-z0-9][A-Za-z0-9._-]*)")
_WEIGHTS = "model.safetensors"
WINDOW_BASES = 1024
"""Sequences are cut into windows before tokens are made of them."""


class SequenceFeatures(Protocol):
    """What makes the features of a row of tokens, or hands the tokens on where F is 0."""

    name: str
    sha256: str
    """Of weights, configuration and tokenizer; empty where they are the network's own."""
    width: int
    """F; 0 where the network's own encoder reads the tokens."""
    tokenizer: Tokenizer | None
    """Its own; None where the network's is learnt."""

    def features(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """ids (B, T), mask (B, T) -> what the network's sequence encoder takes: (B, F), or both as they came."""


class OwnDna:
    """No frozen encoder: the network's own small DNABERT-2 is trained and reads the tokens."""

    name, sha256, width = SMALL_DNA, "", 0
    tokenizer: Tokenizer | None = None

    def __repr__(self) -> str:
        """By content, not by address: a run that goes on later is known by it (`key_of`)."""
        return self.name

    def features(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Tokens as they came."""
        return ids, mask


class FrozenDna:
    """A published DNABERT-2, frozen: the mean of its hidden states over the tokens of a row."""

    def __init__(self, name: str, sha256: str, model: DnaBert, tokenizer: Tokenizer) -> None:
        self.name, self.sha256, self.width = name, sha256, model.config.hidden
        self.tokenizer: Tokenizer | None = tokenizer
        self._model = model.eval().requires_grad_(False)

    def __repr__(self) -> str:
        """By content, not by address: a run that goes on later is known by it (`key_of`)."""
        return f"{self.name} {self.sha256}"

    @torch.no_grad()
    def features(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """ids (B, T), mask (B, T) bool -> (B, F); zeros for a row without a token."""
        return (masked_mean(self._model(ids, mask), mask),)


def dna_backbone(name: str, folder: Path | None) -> SequenceFeatures:
    """The DNA encoder of that name, its weights from `folder`; raises ValueError with a remedy.

    `small-dnabert`: the network's own. `dnabert2:NAME`: folder/NAME has `config.json`, `model.safetensors` with the
    names of `zhihan1996/DNABERT-2-117M`, and `tokenizer.json`. Pickled weights are never read.
    """
    if name == SMALL_DNA:
        return OwnDna()
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"no DNA encoder {name}; wanted {SMALL_DNA} or dnabert2:NAME")
    if folder is None:
        raise ValueError(f"{name} needs its weights; name the folder of backbones")
    return _published(name, folder / found[1])


def feature_batches(
    dna: SequenceFeatures, tokenizer: Tokenizer, chunks: Iterable[str], sizes: Sizes
) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
    """Bases of any number of sequences as batches of one fixed shape: features of B rows, and which are there (B,)."""
    pieces = chain.from_iterable(windows([chunk], WINDOW_BASES) for chunk in chunks)
    for ids, mask in token_batches(tokenizer, pieces, sizes.sequence_tokens, sizes.sequence_batch):
        yield dna.features(ids, mask), mask.any(-1)


def _published(name: str, folder: Path) -> FrozenDna:
    if (folder / "pytorch_model.bin").is_file() and not (folder / _WEIGHTS).is_file():
        raise ValueError(f"{folder} has pickled weights, which are never read; save them as {_WEIGHTS}")
    sha256 = folder_hash(folder, (_WEIGHTS, "config.json", "tokenizer.json"))
    try:
        model = DnaBert(read_config(folder / "config.json"))
        load_published(model, folder / _WEIGHTS)
        return FrozenDna(name, sha256, model, read_tokenizer(folder / "tokenizer.json", model.config.vocab))
    except Refused as refusal:
        raise ValueError(f"{folder}: {refusal.detail}") from None
