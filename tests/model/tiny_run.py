"""The least training that goes through every phase, for tests of what surrounds it."""

from pathlib import Path

from model.descent import Descent
from model.joint_training import StudentSetting
from model.train_settings import TrainSettings
from streams.blobs import Blobs
from streams.file_rules import FileRules

TINY = TrainSettings(
    name="tiny",
    intended_use="tests only",
    encoders=Descent(epochs=1, rate=1e-3),
    student=StudentSetting(epochs=2),
    circuit_epochs=1,
    items=2,
)


def files_under(folder: Path) -> Blobs:
    """The files of cohort folders below this one."""
    return Blobs(FileRules(allowed_folders=(folder.resolve(),)))
