"""`--settings` of train and evaluate: the file says what options leave open, and what is wrong in it ends with 2."""

from pathlib import Path

import pytest
from typed import typed

from agents.behind import Asked, asked
from agents.exits import AskedWrongly
from model.cohorts.synthetic import write_synthetic
from model.train_settings import TrainSettings

PLAIN = TrainSettings("a", "tests only")


@pytest.fixture
def said(tmp_path: Path) -> Path:
    path = tmp_path / "said.json"
    path.write_text('{"seed": 5, "fusion": "mlp", "student": {"epochs": 40}, "items": 3}')
    return path


def test_the_file_goes_before_what_is_so_by_default_and_options_before_the_file(said: Path) -> None:
    plain = asked(PLAIN, Asked())
    assert (plain.seed, plain.fusion, plain.student.epochs, plain.items) == (0, "circuit", 100, 16)
    filed = asked(PLAIN, Asked(said))
    assert (filed.seed, filed.fusion, filed.student.epochs, filed.items) == (5, "mlp", 40, 3)
    assert filed.encoders == PLAIN.encoders
    chosen = asked(PLAIN, Asked(said, seed=0, fusion="circuit", epochs=2))
    assert (chosen.seed, chosen.fusion, chosen.student.epochs, chosen.items) == (0, "circuit", 2, 3)


def test_a_file_that_is_wrong_is_asked_wrongly(tmp_path: Path) -> None:
    with pytest.raises(AskedWrongly, match=r"--settings .*none\.json cannot be read"):
        asked(PLAIN, Asked(tmp_path / "none.json"))


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_both_commands_name_what_is_wrong_before_they_read_the_cohort(command: str, said: Path, tmp_path: Path) -> None:
    said.write_text('{"lesson": {"heat": 4}}')
    write_synthetic(tmp_path / "cohort", patients=5, seed=1, flawed=False)
    (tmp_path / "folds.csv").write_text("patient_id,repeat,fold\np,0,0\nq,0,1\n")
    folds = ("--folds", tmp_path / "folds.csv") if command == "evaluate" else ()
    done = typed(command, tmp_path / "cohort", "--out", tmp_path / "out", *folds, "--settings", said, code=2)
    assert "said.json: lesson.heat: Unexpected" in done.stderr
