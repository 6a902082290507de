"""The least training that goes through every phase, for tests of what surrounds it."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from model.descent import Descent
from model.joint_training import StudentSetting
from model.linear_roads import RoadSetting
from model.train_settings import TrainSettings
from streams.blobs import Blobs
from streams.file_rules import FileRules

TINY = TrainSettings(
    name="tiny",
    intended_use="tests only",
    encoders=Descent(epochs=1, rate=1e-3),
    roads=RoadSetting(steps=10),
    student=StudentSetting(epochs=2),
    circuit_epochs=1,
    items=2,
)


def files_under(folder: Path) -> Blobs:
    """The files of cohort folders below this one."""
    return Blobs(FileRules(allowed_folders=(folder.resolve(),)))


_UNFELT = ("pool.score.bias", "attention.project.bias", "Wqkv.bias", "fusion.circuit.weights")
"""What a softmax or a measurement cannot see, in part: the gradient is rounding, and Adam makes steps of it."""


def close(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Weights that may differ by the rounding of sums."""
    assert found.keys() == wanted.keys()
    for name in wanted:
        if not name.endswith(_UNFELT):
            assert torch.allclose(found[name], wanted[name], atol=5e-5, rtol=1e-4), name
