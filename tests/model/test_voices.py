"""The mean of the voices against each voice written out, and what is made once for all draws."""

from typing import Any

import numpy as np
import torch
from scipy.special import expit, softmax

from model.answers import Rows, answer
from model.heads import Logits
from model.network import network_of
from model.untrained import untrained_manifest
from model.voices import Voices, diagnoses, responses, survivals

B, K, E = 3, 4, 2
LABELS, ENDPOINTS, BINS, OPTIONS = 3, 2, 5, 2


def logits(*lead: int) -> Logits:
    return Logits(*(3 * torch.randn(*lead, *shape) for shape in ((LABELS,), (ENDPOINTS, BINS), (OPTIONS,))))


def test_what_is_served_is_the_mean_of_the_three_voices() -> None:
    torch.manual_seed(3)
    voices, warmth = Voices(logits(B, K, E), logits(B), logits(B)), torch.tensor([0.5, 1.0, 2.0]).double()
    said = diagnoses(voices, warmth).numpy(), survivals(voices).numpy(), responses(voices).numpy()
    for row, draw, head in np.ndindex(B, K, E):
        heard = [
            [part[row, draw, head].double().numpy() for part in voices.fusion],
            *([part[row].double().numpy() for part in road] for road in (voices.plain, voices.taught)),
        ]
        expected = (
            np.mean([softmax(one[0] / warmth[row].item()) for one in heard], 0),
            np.mean([np.cumprod(1 - expit(one[1]), -1) for one in heard], 0),
            np.mean([expit(one[2]) for one in heard], 0),
        )
        for found, wanted in zip(said, expected, strict=True):
            np.testing.assert_allclose(found[row, draw, head], wanted, atol=1e-12)


class Counting:
    """A network that counts what is asked of it."""

    def __init__(self, network: Any) -> None:
        self.network, self.asked = network, dict.fromkeys(("impute", "roads", "decide"), 0)

    def __getattr__(self, name: str) -> Any:
        if name in self.asked:
            self.asked[name] += 1
        return getattr(self.network, name)


def test_what_may_come_next_is_asked_of_the_fusion_alone() -> None:
    manifest = untrained_manifest()
    network: Any = Counting(network_of(manifest, seed=1).eval().requires_grad_(False))
    present = torch.tensor([[True, False, False], [True, True, True]])
    encoded = torch.randn(2, 3, manifest.sizes.width + network.beside, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(2, 4, 3, manifest.sizes.width, generator=torch.Generator().manual_seed(2))
    answers = answer(network, manifest, [Rows(encoded, present, noise)])
    assert network.asked == {"impute": 1, "roads": 1, "decide": 3}  # all draws, and those of either absent modality
    assert (answers.drops[0] >= 0).all()
    assert not answers.drops[0, 0].any()
    assert not answers.drops[1].any()
