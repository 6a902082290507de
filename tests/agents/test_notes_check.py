"""`doctor` tells where a worker and its network do not read notes by the same encoder."""

from pathlib import Path

import pytest

from agents.checks import State, check_machine
from model.encoders.arrived import NOTES
from model.encoders.notes import notes_hash
from model.network import network_of
from model.untrained import untrained_manifest
from model.weights import save_network
from streams.quantum_settings import QuantumSettings
from streams.settings import (
    InputSettings,
    KafkaSettings,
    Places,
    PredictionSettings,
    Settings,
    TriggerSettings,
    WebSettings,
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentences")
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(b"stands for a file that is hashed and not read")
    return folder


def findings(network: Path, encoder: Path | None) -> list[State]:
    places = Places(model=str(network), notes_encoder=encoder, home=network)
    rest = (KafkaSettings(), TriggerSettings(), InputSettings(), PredictionSettings(), QuantumSettings(), WebSettings())
    return [finding.state for finding in check_machine(Settings(places, *rest)) if finding.check == "notes"]


@pytest.mark.parametrize(
    ("behind", "is_set", "expected"),
    [
        pytest.param("this", True, [State.WELL], id="the-same"),
        pytest.param("another", True, [State.NOTE], id="another"),
        pytest.param("none", True, [State.NOTE], id="the-network-reads-no-notes"),
        pytest.param("this", False, [State.NOTE], id="no-encoder-is-set"),
        pytest.param("none", False, [], id="neither"),
    ],
)
def test_notes_are_checked(tmp_path: Path, encoder: Path, behind: str, is_set: bool, expected: list[State]) -> None:
    hashes = {"this": {NOTES: notes_hash(encoder, 128)}, "another": {NOTES: "0" * 64}, "none": {}}[behind]
    manifest = untrained_manifest(fusion="none").model_copy(update={"encoders": hashes})
    save_network(tmp_path, network_of(manifest, seed=1), manifest, ())
    assert findings(tmp_path, encoder if is_set else None) == expected


def test_a_folder_without_an_encoder_is_wrong(tmp_path: Path) -> None:
    manifest = untrained_manifest(fusion="none")
    save_network(tmp_path, network_of(manifest, seed=1), manifest, ())
    assert findings(tmp_path, tmp_path / "none") == [State.WRONG]
