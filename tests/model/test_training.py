"""Training on a small synthetic cohort: losses fall, the folder loads, the same seed gives the same network."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from threadpoolctl import threadpool_info
from tiny_run import files_under

from model.cohorts.synthetic import write_synthetic
from model.descent import Descent, Report
from model.joint_training import StudentSetting
from model.linear_roads import RoadSetting
from model.serving import load_predictor
from model.settings_file import with_file
from model.train_settings import TrainSettings
from model.training import train
from schemas.evidence import Modality
from schemas.manifest import Manifest

pytestmark = pytest.mark.slow

SETTINGS = TrainSettings(
    name="tiny",
    intended_use="tests only",
    encoders=Descent(epochs=2, rate=1e-3, patience=2),
    roads=RoadSetting(steps=20),
    student=StudentSetting(epochs=4),
    circuit_epochs=2,
)


class First(NamedTuple):
    """A network as it was trained first: of which cohort, its folder, its manifest, and the losses of each phase."""

    cohort: Path
    out: Path
    manifest: Manifest
    losses: dict[str, list[float]]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "synthetic"
    write_synthetic(folder, patients=45, seed=3, flawed=True)
    return folder


def trained(cohort: Path, out: Path, look: Report) -> Manifest:
    return train(cohort, out, files_under(cohort), SETTINGS, look)


@pytest.fixture(scope="module")
def first(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> First:
    losses: dict[str, list[float]] = {}
    out = tmp_path_factory.mktemp("first")
    manifest = trained(cohort, out, lambda phase, _, loss: losses.setdefault(phase, []).append(loss))
    return First(cohort, out, manifest, losses)


def test_training_lowers_the_loss_and_writes_a_network_that_loads(first: First) -> None:
    manifest, losses = first.manifest, first.losses
    assert set(losses) == {"images", "sequences", "student", "circuit"}
    assert min(losses["student"]) < losses["student"][0]
    assert load_predictor(first.out).manifest == manifest
    assert set(manifest.encoders) == {"imaging/cnn", "genomic/sequence"}
    assert manifest.modalities == tuple(Modality)
    assert all(0 < quantile <= 1 for quantile in manifest.conformal.values())
    card = (first.out / "card.md").read_text()
    assert "Not for clinical use" in card
    assert "not-json" in card
    limits = "2 epochs of the encoders, 4 of the student, 2 of the circuit, 20 steps of the linear roads"
    assert f"| at most | {limits} |" in card
    otherwise = replace(SETTINGS, seed=1, student=StudentSetting(), circuit_epochs=9)
    assert with_file(otherwise, first.out / "settings.json") == SETTINGS
    parts = ("cohort.json", "events.ndjson", "outcomes.csv", "survival.csv")
    records = b"".join((first.cohort / name).read_bytes() for name in parts)
    assert f"| cohort's records | {hashlib.sha256(records).hexdigest()} |" in card


def test_a_rate_at_which_training_runs_away_is_told(cohort: Path, tmp_path: Path) -> None:
    wild = replace(SETTINGS, student=replace(SETTINGS.student, rate=1e30))
    with pytest.raises(ValueError, match="student: the loss grew beyond all bounds; set a lower rate"):
        train(cohort, tmp_path, files_under(cohort), wild, lambda *_: None)
    assert not (tmp_path / "weights.safetensors").exists()


def test_the_same_seed_gives_the_same_network_on_one_thread_whatever_was_set(
    cohort: Path, first: First, tmp_path: Path
) -> None:
    """With two, the bits of a larger network depend on which of them is done first."""
    pools: set[int] = set()

    def look(*_: object) -> None:
        pools.update(pool["num_threads"] for pool in threadpool_info())
        pools.add(torch.get_num_threads())

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    again = trained(cohort, tmp_path, look)
    assert (pools, torch.get_num_threads()) == ({1}, 3)
    torch.set_num_threads(before)
    assert again == first.manifest
