"""Text to one vector by a sentence encoder in a local folder (Sentence-BERT, Reimers & Gurevych 2019).

Nothing is fetched, no code of the folder runs, weights are safetensors, and no text is ever logged.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.encoders.local_model import load_fast_tokenizer, load_model
from model.encoders.model_folder import read_json

_PARTS = {("Transformer", "Pooling"): False, ("Transformer", "Pooling", "Normalize"): True}
"""What a folder's `modules.json` may name, in order, and whether vectors are of length 1 then."""


class SentenceEncoder:
    """The folder's transformer, the mean over its tokens, and length 1 where the folder's configuration says so.

    A text longer than the model reads is cut into windows; its vector is the mean of theirs. Each window runs alone
    and unpadded, so that a vector's bytes depend on its text and nothing else.
    """

    def __init__(self, network: Any, tokenizer: Any, length: int, *, normalised: bool) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._length = length
        self._normalised = normalised
        self.width = int(network.config.hidden_size)

    @torch.inference_mode()
    def encode(self, text: str) -> NDArray[np.float32]:
        """Text -> (H,), H = `width`."""
        mean = torch.stack([self._window(ids) for ids in self.windows(text)]).mean(0)
        vector: NDArray[np.float32] = self._scaled(mean).numpy()
        return vector

    def windows(self, text: str) -> list[list[int]]:
        """The text's token ids in windows of at most the model's length, each with its start and end token."""
        cut = self._tokenizer(text, truncation=True, max_length=self._length, return_overflowing_tokens=True)
        found: list[list[int]] = cut["input_ids"]
        return found

    def _window(self, ids: list[int]) -> Tensor:
        hidden: Tensor = self._network(input_ids=torch.tensor([ids])).last_hidden_state
        return self._scaled(hidden[0].mean(0))

    def _scaled(self, vector: Tensor) -> Tensor:
        return torch.nn.functional.normalize(vector, dim=0) if self._normalised else vector


def load_sentences(folder: Path) -> SentenceEncoder:
    """Read a sentence-transformers folder; raises ValueError with a remedy."""
    normalised = _normalised(folder)
    network, tokenizer = load_model(folder), load_fast_tokenizer(folder)
    return SentenceEncoder(network, tokenizer, _length(folder, tokenizer, network), normalised=normalised)


def _normalised(folder: Path) -> bool:
    """Whether vectors have length 1; ValueError where the folder wants what is not done here."""
    modules = read_json(folder / "modules.json")
    if modules is None:
        return False  # a plain transformer: sentence-transformers takes the mean and leaves its length
    names = tuple(str(part["type"]).rpartition(".")[2] for part in modules)
    if names not in _PARTS:
        raise ValueError(f"{folder} is {' + '.join(names)}; wanted Transformer + Pooling (+ Normalize), use another")
    pooling = read_json(folder / modules[1]["path"] / "config.json") or {}
    on = {name.removeprefix("pooling_mode_") for name, is_on in pooling.items() if "mode_" in name and is_on is True}
    modes = on or {str(pooling.get("pooling_mode", "mean"))}
    if modes not in ({"mean"}, {"mean_tokens"}):
        raise ValueError(f"{folder} pools by {', '.join(sorted(modes))}; wanted the mean over tokens, use another")
    return _PARTS[names]


def _length(folder: Path, tokenizer: Any, network: Any) -> int:
    said = (read_json(folder / "sentence_bert_config.json") or {}).get("max_seq_length")
    positions = getattr(network.config, "max_position_embeddings", None)
    return int(min(one for one in (said, positions, tokenizer.model_max_length) if one))
