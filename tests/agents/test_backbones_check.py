"""`doctor` tells where a network's frozen encoders are not what a worker needs at its start, with its failing code."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from dnabert_folder import write_dnabert
from transformers import ResNetConfig, ResNetModel

from agents.checks import Finding, State, check_machine
from agents.wiring import make_parts, make_roles
from model.encoders.backbones import backbone
from model.encoders.dna_backbones import dna_backbone
from model.network import network_of
from model.untrained import untrained_manifest
from model.weights import save_network
from streams.settings import Places, Settings, WrongSettings, read_settings

pytestmark = pytest.mark.slow  # transformers takes seconds to import
DNA, EYES = "dnabert2:one", "transformers:resnet"


def write_backbones(folder: Path, seed: int) -> None:
    """Both encoders, tiny and at random."""
    write_dnabert(folder / "one", seed)
    torch.manual_seed(seed)
    sizes = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(sizes).save_pretrained(folder / "resnet")


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of backbones."""
    folder = tmp_path_factory.mktemp("backbones")
    write_backbones(folder, seed=1)
    return folder


@pytest.fixture(scope="module")
def network(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network behind both of them."""
    folder = tmp_path_factory.mktemp("network")
    eyes, dna = backbone(EYES, frozen), dna_backbone(DNA, frozen)
    behind = {"backbone": EYES, "backbone_width": eyes.width, "backbone_sha256": eyes.sha256}
    behind |= {"dna": DNA, "dna_width": dna.width, "dna_sha256": dna.sha256}
    manifest = untrained_manifest(fusion="none").model_copy(update=behind)
    save_network(folder, network_of(manifest, seed=1), manifest, ["imaging/cnn", "genomic/sequence"])
    return folder


def settings_of(network: Path, backbones: Path | None) -> Settings:
    return replace(read_settings(), places=Places(model=str(network), home=network, backbones=backbones))


def findings(settings: Settings) -> list[Finding]:
    return [finding for finding in check_machine(settings) if finding.check == "backbones"]


def test_encoders_that_a_worker_can_start_with_are_well(network: Path, frozen: Path) -> None:
    assert [finding.state for finding in findings(settings_of(network, frozen))] == [State.WELL] * 2


def test_nothing_is_said_of_a_network_that_has_its_own(untrained: Path) -> None:
    assert findings(settings_of(untrained, None)) == []


def test_other_weights_under_the_same_names_are_not_the_ones(network: Path, tmp_path: Path) -> None:
    write_backbones(tmp_path, seed=2)
    found = findings(settings_of(network, tmp_path))
    assert [finding.state for finding in found] == [State.WRONG] * 2
    assert [finding.remedy for finding in found] == ["use that one"] * 2


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        pytest.param("unset", "needs its weights", id="no-folder-is-set"),
        pytest.param("empty", "has no", id="a-folder-without-them"),
        pytest.param("unreadable", "cannot be read", id="weights-that-cannot-be-read"),
    ],
)
def test_what_a_worker_would_not_start_with_is_wrong_and_told_alike(
    network: Path, tmp_path: Path, damage: str, told: str
) -> None:
    for name in ("one", "resnet") if damage == "unreadable" else ():
        (tmp_path / name / "model.safetensors").mkdir(parents=True)
    settings = settings_of(network, None if damage == "unset" else tmp_path)
    found = findings(settings)
    assert [finding.state for finding in found] == [State.WRONG] * 2
    for role, finding in zip(("imaging", "genomic"), found, strict=True):
        assert told in finding.found
        assert finding.remedy
        with pytest.raises(WrongSettings) as refused:
            make_roles(make_parts(settings), [role])
        assert str(refused.value) == f"{finding.found}; {finding.remedy}"


def test_doctor_fails_for_that_alone(network: Path, frozen: Path, fresh_settings: Any) -> None:
    environment = fresh_settings.env | {"ONCOSTREAM_MODEL": str(network)}
    command = (sys.executable, "-c", "from agents.cli import main; main()", "doctor", "--create-topics", "--json")
    codes = []
    for backbones in (str(frozen), str(network)):
        done = subprocess.run(
            command, env=environment | {"ONCOSTREAM_BACKBONES": backbones}, capture_output=True, text=True, check=False
        )
        codes.append(done.returncode)
    assert codes == [0, 4]
