"""`oncostream train` as two processes that a launcher started: one network, one folder, one voice, one exit code."""

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from model.cohorts.synthetic import write_synthetic

pytestmark = pytest.mark.slow
ONCOSTREAM = Path(sys.executable).with_name("oncostream")
TWO = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python")
UNFELT = ("score.bias", "project.bias", "Wqkv.bias", "circuit.weights")
"""In part felt by nothing, so that their gradient is rounding (a softmax takes no notice of what is added to all)."""


def trained(cohort: Path, out: Path, *launcher: str) -> subprocess.CompletedProcess[str]:
    asked = [str(ONCOSTREAM), "train", str(cohort), "--out", str(out), "--epochs", "2"]
    return subprocess.run([*launcher, *asked], capture_output=True, text=True, timeout=200)


def test_two_processes_train_the_network_of_one(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "cohort", patients=30, seed=3, flawed=True)
    runs = [trained(tmp_path / "cohort", tmp_path / name, *launcher) for name, launcher in (("1", ()), ("2", TWO))]
    for name, run in zip("12", runs, strict=True):
        assert run.returncode == 0, run.stderr
        assert run.stdout.count("trained on clinical, imaging, genomic") == 1
        assert run.stderr.count("student") == 1
        assert not (tmp_path / name / "phases").exists()
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in "12")
    apart = {name: float((two[name] - one[name]).abs().max()) for name in one if one[name].numel()}
    assert max(far for name, far in apart.items() if not name.endswith(UNFELT)) < 5e-5
    assert max(apart.values()) > 0  # two did share the work: sums were added up otherwise


def test_a_refusal_is_said_once_and_ends_both_with_its_exit_code(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "cohort", patients=2, seed=3, flawed=False)
    run = trained(tmp_path / "cohort", tmp_path / "out", *TWO)
    assert run.stderr.count("too few to learn from") == 1
    assert "exitcode  : 2 " in run.stderr
    assert not (tmp_path / "out" / "weights.safetensors").exists()
