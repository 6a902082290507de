"""The networks that ship: each loads, says what it is not for, and carries its source and terms."""

from pathlib import Path

import pytest

from model.serving import load_predictor
from model.settings_file import settings_json
from model.train_settings import TrainSettings

ROOT = Path(__file__).parents[2] / "model"
SHIPPED = sorted(path.parent for path in ROOT.glob("*/manifest.json"))


def test_both_are_there() -> None:
    assert [folder.name for folder in SHIPPED] == ["default", "hancock"]


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_network_loads_and_says_what_it_is(folder: Path) -> None:
    manifest = load_predictor(folder).manifest
    card = (folder / "card.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {manifest.model}\n")
    assert "Not for clinical use" in card
    assert manifest.source in card
    assert "not for clinical use" in manifest.intended_use
    assert manifest.table.columns, "it has a linear road"
    assert (folder / "losses.png").is_file()
    assert (folder / "settings.json").read_text() == settings_json(TrainSettings("as it is by default", "tests only"))


def test_the_one_of_real_patients_names_its_terms() -> None:
    hancock = load_predictor(ROOT / "hancock").manifest
    assert "Apache-2.0" in hancock.source
    assert hancock.tasks.endpoints == ("OS", "RFS", "REC")
