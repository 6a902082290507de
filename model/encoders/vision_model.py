"""A picture network as it wants its pictures: tiles resized and standardised, its features pooled to one vector."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.local_model import load_model
from model.encoders.model_folder import read_json

_HALF = (0.5, 0.5, 0.5)


class VisionModel(nn.Module):
    """Tiles (N, 3, S, S) within 0..1 -> (N, F): resized to `pixels` (0: as they are), standardised, through `model`.

    Without a mean and deviation tiles enter within -1..1.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, model: nn.Module, mean: Sequence[float] | None, deviation: Sequence[float] | None, pixels: int
    ) -> None:
        super().__init__()
        self.model = model
        self.pixels = pixels
        self.register_buffer("mean", torch.tensor(mean or _HALF).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation or _HALF).view(3, 1, 1))

    def forward(self, tiles: Tensor) -> Tensor:
        """tiles (N, 3, S, S) -> (N, F)."""
        if self.pixels and tiles.shape[-1] != self.pixels:
            tiles = functional.interpolate(tiles, self.pixels, mode="bilinear", antialias=True)
        features: Tensor = self.model((tiles - self.mean) / self.deviation)
        return features


class Pooled(nn.Module):
    """A `transformers` picture model's last hidden states as one vector: its class token, else the mean over places.

    Its own pooler is left out: many folders lack the pooler's weights.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.has_class_token = any(name.endswith("cls_token") for name, _ in model.named_parameters())

    def forward(self, tiles: Tensor) -> Tensor:
        """tiles (N, 3, S, S) -> (N, F)."""
        hidden: Tensor = self.model(pixel_values=tiles).last_hidden_state
        if hidden.ndim == 4:  # (N, F, height, width)
            return hidden.mean((-2, -1))
        return hidden[:, 0] if self.has_class_token else hidden.mean(1)  # of (N, places, F)


def load_vision(folder: Path) -> VisionModel:
    """Read a `transformers` picture model with its preprocessing; raises ValueError with a remedy."""
    model = load_model(folder)
    if getattr(model, "main_input_name", "") != "pixel_values" or getattr(model.config, "num_channels", 3) != 3:
        raise ValueError(f"{folder} does not take pictures of three channels; name a picture model")
    said = read_json(folder / "preprocessor_config.json") or {}
    pixels = _side(said.get("crop_size")) or _side(said.get("size")) or _side(getattr(model.config, "image_size", 0))
    return VisionModel(Pooled(model), said.get("image_mean"), said.get("image_std"), pixels)


def _side(size: Any) -> int:
    """The side that a configuration gives as a number, a pair or a mapping; 0 where it gives none."""
    if isinstance(size, Mapping):
        size = size.get("height") or size.get("shortest_edge")
    if isinstance(size, list | tuple):
        size = size[0] if size else 0
    return int(size or 0)
