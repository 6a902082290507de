"""Cohorts that nothing can be learnt from are refused with what there is and what is wanted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_run import TINY, files_under

from model.cohorts.synthetic import write_synthetic
from model.training import train
from schemas.errors import Refused

Line = dict[str, Any]


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    write_synthetic(tmp_path / "cohort", patients=20, seed=3, flawed=False)
    return tmp_path / "cohort"


def change(cohort: Path, to: Callable[[Line], str]) -> None:
    lines = (cohort / "events.ndjson").read_text().splitlines()
    (cohort / "events.ndjson").write_text("".join(to(json.loads(line)) for line in lines))


def trained(cohort: Path) -> None:
    train(cohort, cohort.parent / "out", files_under(cohort), TINY, lambda *_: None)


def test_a_cohort_of_nobody_is_refused(cohort: Path) -> None:
    (cohort / "events.ndjson").write_text("")
    with pytest.raises(Refused, match=r"tells of nobody .messages refused: none.; make the cohort anew"):
        trained(cohort)


def test_a_cohort_of_which_nothing_could_be_read_says_why(cohort: Path) -> None:
    change(cohort, lambda line: json.dumps(line | {"topic": "fhir.observations", "value": "no JSON"}) + "\n")
    with pytest.raises(Refused, match=r"tells of nobody .messages refused: \d+ not-json"):
        trained(cohort)


def test_a_cohort_without_a_modality_that_enough_have_says_so(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "cohort", patients=4, seed=3, flawed=False)
    with pytest.raises(ValueError, match="no modality has 5 training patients"):
        trained(tmp_path / "cohort")


def test_outcomes_too_few_for_the_inner_folds_are_counted_and_the_wanted_named(cohort: Path) -> None:
    """A card with one block was enough with two outcomes, and ended in scikit-learn's words on its own splits."""
    card = json.loads((cohort / "cohort.json").read_text())
    card["table"] = [{"name": "clinical", "modality": "clinical"}]
    (cohort / "cohort.json").write_text(json.dumps(card))
    change(cohort, lambda line: json.dumps(line) + "\n" if line["topic"] == "fhir.observations" else "")
    for name in ("outcomes.csv", "survival.csv"):
        rows = (cohort / name).read_text().splitlines()
        known = ("patient", "syn-0001", "syn-0002", "syn-0003", "syn-0004", "syn-0005")
        (cohort / name).write_text("".join(f"{row}\n" for row in rows if row.startswith(known)))
    with pytest.raises(
        ValueError, match=r"outcomes of \d patients are known: too few .* wanted 5 with evidence of clinical"
    ):
        trained(cohort)
