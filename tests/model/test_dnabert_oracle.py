"""Weights in the published naming load strictly and give another implementation's vectors (tests/oracles)."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from model.encoders.dnabert import DnaBert, DnaBertConfig, masked_mean
from model.encoders.dnabert_weights import load_published

ORACLES = Path(__file__).parents[1] / "oracles"
CONFIG = DnaBertConfig(vocab=64, hidden=96, layers=2, heads=12, intermediate=100)


@pytest.fixture(scope="module")
def answers() -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_file(ORACLES / "dnabert-answers.safetensors")
    return found


@pytest.fixture(scope="module")
def encoder() -> DnaBert:
    loaded = DnaBert(CONFIG).eval()
    load_published(loaded, ORACLES / "dnabert-weights.safetensors")
    return loaded


@torch.no_grad()
def test_hidden_states_and_vectors_are_the_oracles(encoder: DnaBert, answers: dict[str, Tensor]) -> None:
    mask = answers["mask"]
    hidden = encoder(answers["ids"], mask)
    torch.testing.assert_close(hidden[mask], answers["hidden"][mask], rtol=0, atol=1e-4)
    torch.testing.assert_close(masked_mean(hidden, mask), answers["mean"], rtol=0, atol=1e-4)


@torch.no_grad()
def test_padded_rows_give_what_they_give_alone(encoder: DnaBert, answers: dict[str, Tensor]) -> None:
    assert answers["mask"].sum(1).tolist() == [24, 17, 3, 1]
    for ids, mask, mean in zip(answers["ids"], answers["mask"], answers["mean"], strict=True):
        own = ids[mask][None]
        vector = masked_mean(encoder(own, torch.ones_like(own, dtype=torch.bool)), torch.ones_like(own) > 0)
        torch.testing.assert_close(vector[0], mean, rtol=0, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("part", ["attention.self.Wqkv.weight", "mlp.gated_layers.weight"])
def test_the_oracle_would_notice_halves_or_thirds_in_another_order(answers: dict[str, Tensor], part: str) -> None:
    wrong = DnaBert(CONFIG).eval()
    load_published(wrong, ORACLES / "dnabert-weights.safetensors")
    weight = wrong.get_parameter(f"bert.encoder.layer.0.{part}")
    weight.copy_(weight.roll(len(weight) // (3 if "Wqkv" in part else 2), 0))
    far = masked_mean(wrong(answers["ids"], answers["mask"]), answers["mask"]) - answers["mean"]
    assert far.abs().max() > 0.1
