"""A training run that is cut short goes on after its last whole phase, and ends in the same network."""

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny_run import TINY, files_under

from model.checkpoints import Checkpoints
from model.cohorts.synthetic import write_synthetic
from model.encoders.backbones import Frozen
from model.encoders.notes import NoteEncoder
from model.intake.clinical import ClinicalRules
from model.network import network_of
from model.reading import Rules
from model.train_settings import TrainSettings
from model.training import key_of, train
from model.untrained import untrained_manifest

UNASKED = NoteEncoder(SimpleNamespace(width=4), "n" * 64, 128)


def test_a_phase_comes_back_as_it_was_with_its_randomness(tmp_path: Path) -> None:
    one, other = (network_of(untrained_manifest(), seed=seed) for seed in (1, 2))
    random = torch.Generator().manual_seed(7)
    torch.rand(3, generator=random)
    kept = Checkpoints(tmp_path, "key")
    kept.keep("student", one, random, {"student": 0.5})
    later = torch.Generator()
    assert Checkpoints(tmp_path, "key").restore("student", other, later) == {"student": 0.5}
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
    assert torch.equal(torch.rand(3, generator=later), torch.rand(3, generator=random))


@pytest.mark.parametrize(("phase", "key"), [("student", "another"), ("encoders", "key")])
def test_a_phase_of_another_run_or_none_is_not_taken(tmp_path: Path, phase: str, key: str) -> None:
    network, random = network_of(untrained_manifest(), seed=1), torch.Generator()
    Checkpoints(tmp_path, "key").keep("student", network, random, {})
    assert Checkpoints(tmp_path, key).restore(phase, network, random) is None


@pytest.mark.parametrize("left", [0, 4, 1000])
def test_a_phase_that_the_disk_never_got_whole_is_refused_with_what_to_do(tmp_path: Path, left: int) -> None:
    network, random = network_of(untrained_manifest(), seed=1), torch.Generator()
    kept = Checkpoints(tmp_path, "key")
    kept.keep("student", network, random, {})
    path = tmp_path / "student.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match=r"student.safetensors is broken .*; remove it, and its phase is run again"):
        kept.restore("student", network, random)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may have more than 4 kB, as on a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_phase_that_has_no_space_is_an_error_of_the_disk_and_leaves_none(tmp_path: Path) -> None:
    network, random = network_of(untrained_manifest(), seed=1), torch.Generator()
    kept = Checkpoints(tmp_path, "key")
    with pytest.raises(OSError, match="File too large"):
        kept.keep("student", network, random, {})
    assert kept.restore("student", network, random) is None


def test_the_same_settings_are_the_same_run_in_another_process_too(tmp_path: Path) -> None:
    write_synthetic(tmp_path, patients=1, seed=3, flawed=False)
    one, other = (TrainSettings("tiny", "tests only") for _ in range(2))  # no object of one is an object of the other
    behind = replace(one, backbone=Frozen("timm:tiny", "a" * 64, torch.nn.Sequential(torch.nn.Flatten())))
    keys = {key_of(tmp_path, settings, {}) for settings in (one, other, behind, replace(one, seed=1))}
    assert len(keys) == 3
    assert " at 0x" not in repr(replace(behind, rules=Rules(clinical=ClinicalRules(notes=UNASKED))))


class Cut(Exception):  # noqa: N818  a power cut, not an error
    """The run ends here."""


@pytest.mark.slow
def test_a_run_cut_short_ends_in_the_network_of_a_whole_one(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "cohort", patients=30, seed=3, flawed=False)
    files = files_under(tmp_path)
    phases: list[str] = []

    def cut_in_the_circuit(phase: str, done: float, loss: float) -> None:
        if phase == "circuit":
            raise Cut

    with pytest.raises(Cut):
        train(tmp_path / "cohort", tmp_path / "cut", files, TINY, cut_in_the_circuit)
    assert sorted(path.stem for path in (tmp_path / "cut" / "phases").iterdir()) == ["encoders", "student"]
    again = train(tmp_path / "cohort", tmp_path / "cut", files, TINY, lambda phase, *_: phases.append(phase))
    whole = train(tmp_path / "cohort", tmp_path / "whole", files, TINY, lambda *_: None)
    assert set(phases) == {"circuit"}
    assert again == whole
    assert not (tmp_path / "cut" / "phases").exists()
    for name in ("weights.safetensors", "manifest.json", "tokenizer.json", "card.md", "losses.png"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_a_run_that_lacked_a_file_is_begun_anew_when_the_file_is_back(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "cohort", patients=30, seed=3, flawed=False)
    files, phases = files_under(tmp_path), list[str]()
    scan = next((tmp_path / "cohort" / "files").rglob("*.dcm"))

    def cut_in_the_circuit(phase: str, done: float, loss: float) -> None:
        if phase == "circuit":
            raise Cut

    scan.rename(tmp_path / "away")
    with pytest.raises(Cut):
        train(tmp_path / "cohort", tmp_path / "cut", files, TINY, cut_in_the_circuit)
    (tmp_path / "away").rename(scan)
    again = train(tmp_path / "cohort", tmp_path / "cut", files, TINY, lambda phase, *_: phases.append(phase))
    assert set(phases) == {"images", "sequences", "student", "circuit"}
    assert again == train(tmp_path / "cohort", tmp_path / "whole", files, TINY, lambda *_: None)
