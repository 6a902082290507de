"""Files of folds and of predictions that somebody edited, cut short or saved otherwise: refused, with what to do."""

from pathlib import Path

import pytest

from model.cohorts.synthetic import write_synthetic
from model.evaluation.folds import Assigned, make_folds, read_folds, strata_of, write_folds
from model.evaluation.predictions import Prediction, read_predictions, write_predictions
from schemas.errors import Reason, Refused

FOLDS = "patient_id,repeat,fold\np1,0,0\np2,0,1\n"
SAID = Prediction("p1", 0, 1, "OS", 0.5, (0.9, 0.8, 0.7, 0.6, 0.5), (0.25, 0.75))
LONG = '"' + 200_000 * "x"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(
            FOLDS.encode() + b"p3,0,-1\n", "line 4: wanted a patient, and a repeat and a fold of 0", id="no-fold"
        ),
        pytest.param(FOLDS.encode() + b"p3,-1,0\n", "line 4: wanted a patient", id="no-repeat"),
        pytest.param(FOLDS.encode() + b",0,0\n", "line 4: wanted a patient", id="nobody"),
        pytest.param(FOLDS.encode() + b"p1,0,1\n", "line 4: a patient twice in a repeat", id="in-two-folds"),
        pytest.param(FOLDS.encode() + b"p1,1,3\np2,1,3\n", "a repeat of one fold", id="nobody-trains"),
        pytest.param(FOLDS.encode() + b"p\xe9,0,0\n", "no CSV in UTF-8", id="latin-1"),
        pytest.param((FOLDS + LONG).encode(), "no CSV in UTF-8", id="a-quote-without-its-end"),
    ],
)
def test_folds_that_cannot_be_tested_are_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "folds.csv").write_bytes(content)
    with pytest.raises(Refused, match=why) as refusal:
        read_folds(tmp_path / "folds.csv")
    assert refusal.value.reason == Reason.UNREADABLE_FILE


def test_folds_are_read_as_they_were_written(tmp_path: Path) -> None:
    made = (Assigned("p,1", 0, 0), Assigned("p2", 0, 1), Assigned("p,1", 1, 1), Assigned("p2", 1, 0))
    write_folds(tmp_path / "folds.csv", made)
    assert read_folds(tmp_path / "folds.csv") == made


def test_folds_do_not_depend_on_the_order_of_the_lines_of_survival(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "cohort", patients=40, seed=6, flawed=False)
    before = make_folds(strata_of(tmp_path / "cohort"), repeats=1, folds=4, seed=0)
    path = tmp_path / "cohort" / "survival.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join((head, *rows[:30], *reversed(rows[30:]))) + "\n")
    assert make_folds(strata_of(tmp_path / "cohort"), repeats=1, folds=4, seed=0) == before


def test_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.csv", [SAID], ("a", "b"))
    assert read_predictions(tmp_path / "p.csv") == ((SAID,), ("a", "b"))


@pytest.mark.parametrize("cells", [1, 3, 5, 6, 11])
def test_a_line_cut_short_is_no_prediction(tmp_path: Path, cells: int) -> None:
    """With one survival of five, it stood for all years."""
    write_predictions(tmp_path / "p.csv", [SAID, SAID], ("a", "b"))
    whole = (tmp_path / "p.csv").read_text().splitlines()
    (tmp_path / "p.csv").write_text("\n".join((*whole[:2], ",".join(whole[2].split(",")[:cells]))))
    with pytest.raises(Refused, match=f"line 3: {cells} cells, wanted 12"):
        read_predictions(tmp_path / "p.csv")


@pytest.mark.parametrize("more", [b"p\xe9,0,0,OS,1,1,1,1,1,1,0,1\n", LONG.encode()])
def test_predictions_that_are_no_csv_are_refused(tmp_path: Path, more: bytes) -> None:
    write_predictions(tmp_path / "p.csv", [SAID], ("a", "b"))
    with (tmp_path / "p.csv").open("ab") as file:
        file.write(more)
    with pytest.raises(Refused, match="no CSV in UTF-8; evaluate again"):
        read_predictions(tmp_path / "p.csv")
