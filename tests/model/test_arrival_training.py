"""Training the encoders that run when a file arrives: judged, however few files of held-out patients there are."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.arrival_training import ArrivalSetting, Split, of_features, train_arrival
from model.batch_order import shuffled
from model.descent import Descent, silent
from model.examples import Roles
from model.labels import Labels
from model.untrained import untrained_manifest

PATIENTS, FEATURES = 40, 6


def learnt(held: list[int]) -> tuple[float, Tensor]:
    """The loss that training ends with, and what it moved, where these patients are held out."""
    manifest = untrained_manifest()
    random = np.random.default_rng(0)
    rows = [random.normal(size=(1, FEATURES)).astype(np.float32) for _ in range(PATIENTS)]
    bins, there = len(manifest.tasks.edges_days), torch.zeros(PATIENTS, dtype=torch.bool)
    there[held] = True
    truth = torch.tensor([int(row[0, 0] > 0) for row in rows])
    none = torch.zeros(PATIENTS, 1, bins)
    labels = Labels(truth, torch.full((PATIENTS,), -1), torch.zeros(PATIENTS), none, none)
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        encoder = nn.Linear(FEATURES, manifest.sizes.width)
        start = encoder.weight.detach().clone()

        def encode(items: Tensor, present: Tensor) -> Tensor:
            mean: Tensor = encoder(items).mean(1)
            return mean

        encoding = of_features("a-bag", torch.arange(PATIENTS), rows, encode, generator)
        setting = ArrivalSetting(manifest, Descent(epochs=3, rate=1e-2), generator, silent)
        losses = train_arrival("bags", (encoder,), (encoding,), Split(labels, Roles(~there, there)), setting)
    return losses["a-bag"], (encoder.weight - start).abs().max().detach()


@pytest.mark.parametrize(
    "held", [pytest.param([], id="none"), pytest.param([3], id="one"), pytest.param([3, 9, 20], id="three")]
)
def test_an_encoder_is_trained_and_judged_whatever_is_held_out(held: list[int]) -> None:
    loss, moved = learnt(held)
    assert loss > 0
    assert moved > 1e-3


@pytest.mark.parametrize(("least", "shown"), [pytest.param(1, 17, id="judging"), pytest.param(2, 16, id="training")])
def test_one_row_alone_is_judged_and_teaches_nothing(least: int, shown: int) -> None:
    batches = [*shuffled(torch.arange(17), 16, torch.Generator().manual_seed(0), least)]
    assert len(set(torch.cat(batches).tolist())) == shown
