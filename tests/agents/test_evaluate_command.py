"""`oncostream evaluate` and `cohort folds` as a data scientist types them."""

import csv
import re
import warnings
from pathlib import Path

import pytest
from typed import typed

from model.cohorts.synthetic import write_synthetic

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate") / "cohort"
    write_synthetic(folder, patients=60, seed=2, flawed=False)
    typed("cohort", "folds", folder, folder.parent / "folds.csv", "--repeats", 1, "--folds", 2)
    return folder


def test_baselines_are_predicted_out_of_fold_compared_and_drawn(cohort: Path, tmp_path: Path) -> None:
    base = ("evaluate", cohort, "--folds", cohort.parent / "folds.csv", "--draws", 20)
    typed(*base, "--model", "late-fusion", "--out", tmp_path / "late.csv", "--keep", "clinical+genomic")
    report = ("--against", tmp_path / "late.csv", "--report", tmp_path / "report")
    typed(*base, "--model", "single:clinical", "--out", tmp_path / "clinical.csv", *report)
    rows = list(csv.DictReader((tmp_path / "late.csv").open()))
    assert list(rows[0])[:6] == ["patient_id", "repeat", "fold", "endpoint", "risk", "surv_1y"]
    assert {row["endpoint"] for row in rows} == {"OS", "RFS"}
    assert (tmp_path / "late-clinical-genomic.csv").is_file()
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert written == {"report.md", "survival.png", "calibration.png", "risk-coverage.png", "differences.png"}
    told = (tmp_path / "report" / "report.md").read_text()
    assert "clinical minus each baseline" in told
    assert "| RFS | 2 | 10 |" in told.partition("Calibration error of the truth")[2]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(
            ("--model", "guess"), "wanted ours, linear, linear-x3, cox, ", id="an-unknown-model-names-those-there-are"
        ),
        pytest.param(("--model", "cox", "--keep", "blood"), "clinical", id="an-unknown-block-names-those-there-are"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(cohort: Path, tmp_path: Path, args: tuple[str, ...], told: str) -> None:
    said = ("evaluate", cohort, "--folds", cohort.parent / "folds.csv", "--out", tmp_path / "p.csv", *args)
    done = typed(*said, code=2)
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(("--out", "."), "wanted a file", id="a-folder-where-predictions-are-to-be"),
        pytest.param(("--out", "file/p.csv"), "file", id="predictions-in-a-file"),
        pytest.param(("--out", "/proc/p.csv"), "/proc: ", id="predictions-where-nothing-can-be-written"),
        pytest.param(("--out", "p.csv", "--report", "file"), "file", id="a-report-in-a-file"),
        pytest.param(("--out", "p.csv", "--against", "absent.csv"), "no absent.csv", id="no-file-to-compare-with"),
        pytest.param(("--out", "p.csv", "--keep", "clinical+blood"), "no block ['blood']", id="a-block-it-has-not"),
        pytest.param(("--out", "p.csv", "--keep", ""), "no block ['']", id="a-block-without-a-name"),
        pytest.param(
            ("--out", "p.csv", "--model", "single:blood"), "no block ['blood']", id="a-block-alone-it-has-not"
        ),
    ],
)
def test_what_could_not_be_written_or_compared_is_refused_before_anything_is_fitted(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    done = typed(
        "evaluate", cohort, "--folds", cohort.parent / "folds.csv", "--model", "single:clinical", *args, code=2
    )
    assert told in done.stderr
    assert "2 folds" not in done.stderr


def test_a_network_that_could_not_be_written_is_refused_before_anything_is_read(cohort: Path) -> None:
    done = typed("train", cohort, "--out", "/proc/nowhere/network", "--epochs", 1, code=2)
    assert done.stderr.startswith("oncostream: /proc/nowhere")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [("--folds", 61), ("--folds", 5, "--by-site")])
def test_more_folds_than_patients_or_sites_are_refused(cohort: Path, tmp_path: Path, args: tuple[object, ...]) -> None:
    done = typed("cohort", "folds", cohort, tmp_path / "folds.csv", *args, code=2)
    assert done.stderr.splitlines()[-1].startswith(f"oncostream: --folds {args[1]}: Cannot have number of splits")
    assert "Traceback" not in done.stderr


def test_kinds_too_rare_for_every_fold_are_said_once_and_by_us(cohort: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as others:
        done = typed("cohort", "folds", cohort, tmp_path / "folds.csv", "--repeats", 3, "--folds", 4)
    assert re.fullmatch(
        r"oncostream: \d of \d+ kinds \(diagnosis and events\) are in fewer than 4 patients: .*\n", done.stderr
    )
    assert others == []


def test_folds_that_are_none_are_refused(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "folds.csv").write_text("patient,fold\na,1\n")
    done = typed("evaluate", cohort, "--folds", tmp_path / "folds.csv", "--out", tmp_path / "p.csv", code=2)
    assert "patient_id,repeat,fold" in done.stderr
    (tmp_path / "folds.csv").write_text("")
    done = typed("evaluate", cohort, "--folds", tmp_path / "folds.csv", "--out", tmp_path / "p.csv", code=2)
    assert "has no folds" in done.stderr


def test_folds_of_another_cohort_are_refused_without_a_name(cohort: Path, tmp_path: Path) -> None:
    rows = (cohort.parent / "folds.csv").read_text()
    (tmp_path / "folds.csv").write_text(f"{rows}stranger,0,0\n")
    asked = ("evaluate", cohort, "--folds", tmp_path / "folds.csv", "--model", "single:clinical", "--out")
    done = typed(*asked, tmp_path / "p.csv", code=2)
    assert "1 of the folds' 61 patients are not in the cohort; give its own folds" in done.stderr
    assert "stranger" not in done.stderr
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize("seed", [-1, 2**31])
@pytest.mark.parametrize(
    "asked",
    [
        ("cohort", "synthetic", "OUT"),
        ("cohort", "folds", "COHORT", "OUT"),
        ("train", "COHORT", "--out", "OUT"),
        ("evaluate", "COHORT", "--folds", "FOLDS", "--model", "single:clinical", "--out", "OUT"),
    ],
)
def test_a_seed_that_generators_do_not_take_is_refused_at_once(
    cohort: Path, tmp_path: Path, asked: tuple[str, ...], seed: int
) -> None:
    places = {"COHORT": cohort, "FOLDS": cohort.parent / "folds.csv", "OUT": tmp_path / "out"}
    done = typed(*(places.get(word, word) for word in asked), "--seed", seed, code=2)
    assert "or equal to" in done.stderr
    assert not (tmp_path / "out").exists()
