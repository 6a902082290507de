"""A backbone by name gives its library's own features, is held to its hash, and is refused where it is not that one."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BertConfig, BertModel, ResNetConfig, ResNetModel, ViTConfig, ViTModel

from model.arrival import ImagingEncoder, load_encoders
from model.encoders.backbones import backbone, of_timm, of_torchvision
from model.network import network_of
from model.untrained import untrained_manifest
from model.weights import encoder_hashes, save_network
from schemas.manifest import Manifest

pytestmark = pytest.mark.slow  # transformers takes seconds to import

TILES = np.random.default_rng(0).random((5, 3, 64, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tiny models with random weights, as `save_pretrained` leaves them."""
    root = tmp_path_factory.mktemp("backbones")
    torch.manual_seed(0)
    vit = ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
    )
    ViTModel(vit, add_pooling_layer=False).save_pretrained(root / "vit")
    resnet = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(resnet).save_pretrained(root / "resnet")
    (root / "resnet" / "preprocessor_config.json").write_text(
        '{"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]}'
    )
    bert = BertConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=9)
    BertModel(bert).save_pretrained(root / "bert")
    return root


@torch.no_grad()
def test_a_vision_transformer_gives_its_class_token_for_tiles_resized_to_its_size(folder: Path) -> None:
    found = backbone("transformers:vit", folder)
    tiles = nn.functional.interpolate(torch.from_numpy(TILES), 32, mode="bilinear", antialias=True)
    hidden = ViTModel.from_pretrained(folder / "vit", add_pooling_layer=False).eval()(2 * tiles - 1).last_hidden_state
    assert found.width == 24
    torch.testing.assert_close(found.features(torch.from_numpy(TILES)), hidden[:, 0], rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_convolutional_one_gives_the_mean_over_places_of_tiles_standardised_as_it_says(folder: Path) -> None:
    found = backbone("transformers:resnet", folder)
    mean, deviation = (torch.tensor(numbers).view(3, 1, 1) for numbers in ([0.4, 0.5, 0.6], [0.2, 0.3, 0.4]))
    published = ResNetModel.from_pretrained(folder / "resnet").eval()
    pooled = published((torch.from_numpy(TILES) - mean) / deviation).pooler_output.flatten(1)
    assert found.width == 16
    torch.testing.assert_close(found.features(torch.from_numpy(TILES)), pooled, rtol=0, atol=1e-5)


def behind(folder: Path, name: str) -> Manifest:
    found = backbone(name, folder)
    draft = {"backbone": found.name, "backbone_width": found.width, "backbone_sha256": found.sha256}
    return untrained_manifest(fusion="none").model_copy(update=draft)


def test_a_network_behind_a_backbone_serves_with_it_and_with_no_other(folder: Path, tmp_path: Path) -> None:
    manifest = behind(folder, "transformers:resnet")
    save_network(tmp_path, network_of(manifest, seed=1), manifest, ["imaging/cnn"])
    imaging, _ = load_encoders(tmp_path, folder)
    vector = imaging.encode_tiles(list(TILES))
    assert vector.unpack().shape == (128,)
    assert vector != imaging.encode_tiles(list(TILES[:-1]))
    assert not [name for name in load_file(tmp_path / "weights.safetensors") if "encoder.stages" in name]
    with pytest.raises(ValueError, match="name the folder of backbones"):
        load_encoders(tmp_path)
    for eyes in (None, backbone("transformers:vit", folder)):
        with pytest.raises(ValueError, match="trained behind transformers:resnet"):
            ImagingEncoder(network_of(manifest, seed=1), manifest, eyes)


def test_other_weights_of_the_same_name_are_another_encoder(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    ResNetModel(ResNetConfig.from_pretrained(folder / "resnet")).save_pretrained(tmp_path / "resnet")
    one, other = behind(folder, "transformers:resnet"), behind(tmp_path, "transformers:resnet")
    network = network_of(one, seed=1)
    assert encoder_hashes(network, one)["imaging/cnn"] != encoder_hashes(network, other)["imaging/cnn"]
    with pytest.raises(ValueError, match="use that one"):
        ImagingEncoder(network, one, backbone("transformers:resnet", tmp_path))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("resnet50", "wanted small-cnn", id="without-its-library"),
        pytest.param("transformers:../elsewhere", "wanted small-cnn", id="a-path"),
        pytest.param("transformers:none", "safetensors", id="not-there"),
        pytest.param("transformers:bert", "does not take pictures", id="no-pictures"),
        pytest.param("timm:none", "safetensors", id="no-file"),
    ],
)
def test_what_is_no_backbone_is_refused(folder: Path, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        backbone(name, folder)


class Classifier(nn.Module):
    """Stands for a classifier of torchvision or timm: features, and a head that timm leaves out when asked."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.fc = nn.Linear(6, classes) if classes else nn.Identity()
        self.pretrained_cfg = {
            "classifier": "fc",
            "mean": (0.4, 0.4, 0.4),
            "std": (0.2,) * 3,
            "input_size": (3, 48, 48),
        }

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.fc(self.stem(tiles).mean((-2, -1)))
        return found


def stub_of_timm(name: str, *, pretrained: bool, num_classes: int) -> Classifier:
    assert (name, pretrained) == ("tiny", False)
    return Classifier(num_classes)


def stub_of_torchvision(name: str, *, weights: None) -> Classifier:
    return Classifier(1000)


TIMM = SimpleNamespace(create_model=stub_of_timm)
TORCHVISION = SimpleNamespace(models=SimpleNamespace(get_model=stub_of_torchvision))


@torch.no_grad()
@pytest.mark.parametrize(
    ("made", "library", "mean", "deviation", "pixels"),
    [
        pytest.param(of_timm, TIMM, (0.4,) * 3, (0.2,) * 3, 48, id="timm"),
        pytest.param(of_torchvision, TORCHVISION, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224, id="torchvision"),
    ],
)
def test_optional_libraries_give_features_without_the_head_and_with_every_weight(
    tmp_path: Path, made: type, library: object, mean: tuple[float, ...], deviation: tuple[float, ...], pixels: int
) -> None:
    torch.manual_seed(2)
    saved = Classifier(1000)
    save_file(saved.state_dict(), tmp_path / "tiny.safetensors")
    tiles = nn.functional.interpolate(torch.from_numpy(TILES), pixels, mode="bilinear", antialias=True)
    mean_column, deviation_column = (torch.tensor(numbers).view(3, 1, 1) for numbers in (mean, deviation))
    expected = saved.stem((tiles - mean_column) / deviation_column).mean((-2, -1))
    found = made(library, "tiny", tmp_path / "tiny.safetensors")(torch.from_numpy(TILES))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    save_file({"stem.weight": saved.stem.weight.detach()}, tmp_path / "part.safetensors")
    with pytest.raises(ValueError, match=r"stem\.bias"):
        made(library, "tiny", tmp_path / "part.safetensors")
