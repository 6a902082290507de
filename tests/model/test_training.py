"""Training on a small synthetic cohort: losses fall, the folder loads, the same seed gives the same network."""

from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_info
from tiny_run import files_under

from model.cohorts.synthetic import write_synthetic
from model.descent import Descent
from model.joint_training import StudentSetting
from model.serving import load_predictor
from model.train_settings import TrainSettings
from model.training import train
from schemas.evidence import Modality
from schemas.manifest import Manifest

pytestmark = pytest.mark.slow

SETTINGS = TrainSettings(
    name="tiny",
    intended_use="tests only",
    encoders=Descent(epochs=2, rate=1e-3, patience=2),
    student=StudentSetting(epochs=4),
    circuit_epochs=2,
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "synthetic"
    write_synthetic(folder, patients=45, seed=3, flawed=True)
    return folder


def trained(cohort: Path, out: Path) -> tuple[Manifest, dict[str, list[float]]]:
    losses: dict[str, list[float]] = {}
    manifest = train(
        cohort, out, files_under(cohort), SETTINGS, lambda phase, _, loss: losses.setdefault(phase, []).append(loss)
    )
    return manifest, losses


def test_training_lowers_the_loss_and_writes_a_network_that_loads(cohort: Path, tmp_path: Path) -> None:
    manifest, losses = trained(cohort, tmp_path / "one")
    assert set(losses) == {"images", "sequences", "student", "circuit"}
    assert min(losses["student"]) < losses["student"][0]
    assert load_predictor(tmp_path / "one").manifest == manifest
    assert set(manifest.encoders) == {"imaging/cnn", "genomic/sequence"}
    assert manifest.modalities == tuple(Modality)
    assert all(0 < quantile <= 1 for quantile in manifest.conformal.values())
    card = (tmp_path / "one" / "card.md").read_text()
    assert "Not for clinical use" in card
    assert "not-json" in card
    assert trained(cohort, tmp_path / "two")[0] == manifest


def test_training_computes_on_one_thread_whatever_was_set(cohort: Path, tmp_path: Path) -> None:
    """With two, the bits of a larger network depend on which of them is done first."""
    pools: set[int] = set()

    def look(*_: object) -> None:
        pools.update(pool["num_threads"] for pool in threadpool_info())
        pools.add(torch.get_num_threads())

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    train(cohort, tmp_path / "one", files_under(cohort), SETTINGS, look)
    assert (pools, torch.get_num_threads()) == ({1}, 3)
    torch.set_num_threads(before)
