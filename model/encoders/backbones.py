"""What looks at tiles before the network does: nothing (its own small CNN is trained), or a frozen backbone by name.

A backbone's weights stay in a folder of their own; the manifest names it and holds its hash. Behind it a projection
is trained, as behind a feature space.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from model.encoders.model_folder import folder_hash
from model.encoders.vision_model import VisionModel, load_vision
from schemas.manifest import SMALL_CNN

_NAME = re.compile(r"(transformers|torchvision|timm):([A-Za-z0-9][A-Za-z0-9._-]*)")
_HEADS = ("fc", "classifier", "heads", "head")
"""What torchvision's classifiers call their last part, which says things about ImageNet alone."""


class TileFeatures(Protocol):
    """What makes a tile's features: tiles (N, 3, S, S) within 0..1 -> (N, F), or the tiles themselves where F is 0."""

    name: str
    sha256: str
    """Of the weights; empty where they are the network's own."""
    width: int
    """F; 0 where the network's own CNN takes the tiles."""

    def features(self, tiles: Tensor) -> Tensor:
        """tiles (N, 3, S, S) -> (N, F)."""


class OwnCnn:
    """No backbone: the network's own small CNN is trained and takes the tiles as they are."""

    name, sha256, width = SMALL_CNN, "", 0

    def __repr__(self) -> str:
        """By content, not by address: a run that goes on later is known by it (`key_of`)."""
        return self.name

    def features(self, tiles: Tensor) -> Tensor:
        """Tiles as they came."""
        return tiles


class Frozen:
    """A frozen backbone."""

    def __init__(self, name: str, sha256: str, model: nn.Module) -> None:
        self.name, self.sha256 = name, sha256
        self._model = model.eval().requires_grad_(False)
        self.width = self.features(torch.zeros(1, 3, 64, 64)).shape[1]

    def __repr__(self) -> str:
        """By content, not by address: a run that goes on later is known by it (`key_of`)."""
        return f"{self.name} {self.sha256}"

    @torch.no_grad()
    def features(self, tiles: Tensor) -> Tensor:
        """tiles (N, 3, S, S) within 0..1 -> (N, F)."""
        found: Tensor = self._model(tiles)
        if found.ndim != 2:
            raise ValueError(f"{self.name} gives {tuple(found.shape)}, wanted (N, F); name a backbone that pools")
        return found


def backbone(name: str, folder: Path | None) -> TileFeatures:
    """The backbone of that name, its weights from `folder`; raises ValueError with a remedy.

    `small-cnn`: the network's own. `transformers:NAME`: the model saved in folder/NAME. `timm:NAME` and
    `torchvision:NAME`: the architecture of that name with the weights of folder/NAME.safetensors.
    """
    if name == SMALL_CNN:
        return OwnCnn()
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"no backbone {name}; wanted {SMALL_CNN}, transformers:NAME, torchvision:NAME or timm:NAME")
    if folder is None:
        raise ValueError(f"{name} needs its weights; name the folder of backbones")
    library, model = found.groups()
    if library == "transformers":
        return Frozen(name, folder_hash(folder / model, ("*.safetensors", "*.json")), load_vision(folder / model))
    made = of_timm if library == "timm" else of_torchvision
    sha256 = folder_hash(folder, (f"{model}.safetensors",))
    return Frozen(name, sha256, made(_optional(library), model, folder / f"{model}.safetensors"))


def of_timm(timm: Any, name: str, weights: Path) -> nn.Module:
    """A model of timm (given, as it is optional) without its classifier, with all weights of the file but those."""
    model: nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    said: Mapping[str, Any] = getattr(model, "pretrained_cfg", {})
    heads = said.get("classifier") or ()
    _load(model, weights, (heads,) if isinstance(heads, str) else tuple(heads))
    return VisionModel(model, said.get("mean"), said.get("std"), said.get("input_size", (3, 0, 0))[1])


def of_torchvision(torchvision: Any, name: str, weights: Path) -> nn.Module:
    """A classifier of torchvision (given, as it is optional) without its last part; tiles as ImageNet's, 224 wide."""
    model: nn.Module = torchvision.models.get_model(name, weights=None)
    head = next((part for part in _HEADS if hasattr(model, part)), None)
    if head is None:
        raise ValueError(f"torchvision's {name} has no part named {', '.join(_HEADS)}; name a classifier")
    setattr(model, head, nn.Identity())
    _load(model, weights, (head,))
    return VisionModel(model, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224)


def _load(model: nn.Module, path: Path, heads: tuple[str, ...]) -> None:
    """Every tensor of the model and no other but those of its `heads`."""
    try:
        tensors = load_file(path)
        kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(tuple(f"{h}." for h in heads))}
        model.load_state_dict(kept, strict=True)
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} does not fit ({reason}); save that architecture's weights as safetensors") from None


def _optional(library: str) -> Any:
    try:
        return import_module(library)
    except (ImportError, RuntimeError, OSError):
        raise ValueError(
            f"{library} cannot be imported beside torch {torch.__version__}; install the build of {library} made for "
            "it, or use a transformers: backbone"
        ) from None
