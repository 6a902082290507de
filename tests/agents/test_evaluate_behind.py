"""A network behind a frozen DNA encoder is evaluated and measured by what measures any other."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dnabert_folder import write_dnabert

from model.cohorts.synthetic import write_synthetic

pytestmark = pytest.mark.slow
MAIN = ("-c", "from agents.cli import main; main()")
EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence"
DNA = "dnabert2:one"


def python(*args: object, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, *map(str, args))
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, (done.stdout + done.stderr)[-2000:]
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort, its folds, a DNA encoder, and a network trained behind it."""
    root = tmp_path_factory.mktemp("behind")
    write_dnabert(root / "backbones" / "one", seed=1)
    write_synthetic(root / "cohort", patients=24, seed=2, flawed=False)
    python(*MAIN, "cohort", "folds", root / "cohort", root / "folds.csv", "--repeats", 1, "--folds", 2)
    frozen = ("--dna", DNA, "--backbones", root / "backbones")
    python(*MAIN, "train", root / "cohort", "--out", root / "network", *frozen, "--epochs", 1)
    return root


def predicted(folder: Path, out: Path, *more: object) -> list[str]:
    """The risk of every patient; each was in the fold of another network."""
    asked = ("evaluate", folder / "cohort", "--folds", folder / "folds.csv", "--epochs", 1, "--out", out)
    python(*MAIN, *asked, *more)
    return [row["risk"] for row in csv.DictReader(out.open())]


def test_patients_are_predicted_behind_the_dna_encoder_that_is_named(folder: Path, tmp_path: Path) -> None:
    own = predicted(folder, tmp_path / "own.csv")
    frozen = predicted(folder, tmp_path / "frozen.csv", "--dna", DNA, "--backbones", folder / "backbones")
    assert len(own) == len(frozen) > 0
    assert own != frozen


def test_an_evaluation_behind_an_encoder_that_is_not_there_is_asked_wrongly(folder: Path, tmp_path: Path) -> None:
    asked = ("evaluate", folder / "cohort", "--folds", folder / "folds.csv", "--out", tmp_path / "p.csv", "--dna", DNA)
    done = python(*MAIN, *asked, "--backbones", tmp_path, code=2)
    assert "has no model.safetensors" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("script", "args", "written"),
    [
        pytest.param("arrivals.py", (), "Coverage of the conformal sets", id="arrivals"),
        pytest.param("confidence.py", (20,), "What tells a wrong answer best", id="confidence"),
    ],
)
def test_evidence_is_read_through_the_frozen_encoders(
    folder: Path, script: str, args: tuple[object, ...], written: str
) -> None:
    asked = (EVIDENCE / script, folder / "network", folder / "cohort", *args)
    assert written in python(*asked, ONCOSTREAM_BACKBONES=str(folder / "backbones")).stdout
    assert "name the folder of backbones" in python(*asked, code=1).stderr
