"""A run's settings as JSON: whatever can be asked for comes back as it was, and what can't be is named."""

from dataclasses import replace
from pathlib import Path

import pytest

from model.descent import Descent
from model.distillation import Lesson
from model.joint_training import StudentSetting
from model.linear_fit import Ridge
from model.linear_roads import RoadSetting
from model.settings_file import settings_json, with_file
from model.train_settings import TrainSettings
from schemas.manifest import Sizes

PLAIN = TrainSettings("a", "tests only")
OTHER = replace(
    PLAIN,
    seed=7,
    fusion="mlp",
    sizes=Sizes(width=64, heads=4, qubits=4),
    encoders=Descent(epochs=3, rate=1e-2, decay=0.0, patience=2),
    roads=RoadSetting(ridge=Ridge().times(3), alpha=0.5, steps=20),
    lesson=Lesson(kind="dkd", alpha=0.7, temperature=2.0, rotating=True),
    student=StudentSetting(epochs=9, batch=64, rate=0.1, decay=0.0, hidden=0.0),
    circuit_epochs=0,
    circuit_rate=0.5,
    held_share=0.3,
    least_patients=9,
    items=3,
    genes=7,
)


def file_of(folder: Path, text: str) -> Path:
    path = folder / "asked.json"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("settings", [PLAIN, OTHER], ids=["default", "nothing-at-its-default"])
def test_what_is_written_comes_back(settings: TrainSettings, tmp_path: Path) -> None:
    assert with_file(PLAIN, file_of(tmp_path, settings_json(settings))) == settings


def test_what_a_file_leaves_out_stays_as_it_was(tmp_path: Path) -> None:
    path = file_of(tmp_path, '{"lesson": {"rotating": true}, "roads": {"ridge": {"own": 1}}}')
    changed = replace(OTHER.roads, ridge=replace(OTHER.roads.ridge, own=1.0))
    assert with_file(OTHER, path) == replace(OTHER, lesson=replace(OTHER.lesson, rotating=True), roads=changed)
    assert with_file(OTHER, file_of(tmp_path, "{}")) == OTHER


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param('{"lessons": {}}', "lessons: Extra inputs are not permitted", id="no-such-part"),
        pytest.param('{"name": "b"}', "name: Extra inputs", id="an-option-of-the-command"),
        pytest.param('{"roads": {"ridge": {"mine": 1}}}', "roads.ridge.mine: Unexpected", id="no-such-name"),
        pytest.param('{"lesson": {"kind": "l1"}}', "lesson.kind: Input should be 'kl', 'mse' or 'dkd'", id="a-kind"),
        pytest.param('{"lesson": {"alpha": 1.1}}', "lesson.alpha: Input should be less than", id="a-share-above-1"),
        pytest.param('{"lesson": {"alpha": NaN}}', "lesson.alpha", id="not-a-number"),
        pytest.param('{"lesson": 1}', "lesson: Input should be", id="no-part"),
        pytest.param('{"roads": {"ridge": {"own": Infinity}}}', "roads.ridge.own", id="without-end"),
        pytest.param('{"student": {"rate": 0}}', "student.rate: Input should be greater than 0", id="no-rate"),
        pytest.param('{"encoders": {"epochs": 1.5}}', "encoders.epochs: Input should be a valid integer", id="half"),
        pytest.param('{"sizes": {"heads": 3}}', "width 128 is not a multiple of 3 heads", id="heads-that-do-not-fit"),
        pytest.param('{"sizes": {"width": 9, "heads": 9}}', "sizes.width: Input should be a multiple of 2", id="odd"),
        pytest.param('{"sizes": {"qubits": 1}}', "sizes.qubits: Input should be greater", id="no-neighbour"),
        pytest.param('{"sizes": {"qubits": 30}}', "sizes.qubits: Input should be less", id="more-than-memory"),
        pytest.param('{"student": {"hidden": 1}}', "student.hidden: Input should be less than 1", id="all-hidden"),
        pytest.param('{"seed": -1}', "seed: Input should be greater", id="a-seed-below-0"),
        pytest.param('{"held_share": 1}', "held_share: Input should be less than 1", id="nobody-left-to-train"),
        pytest.param("[]", "Input should be an object", id="a-list"),
        pytest.param("{", "cannot be read as JSON", id="half-a-file"),
        pytest.param("[" * 100_000, "cannot be read as JSON", id="too-deep"),
    ],
)
def test_what_cannot_be_asked_for_is_named(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"asked\.json") as refused:
        with_file(PLAIN, file_of(tmp_path, text))
    assert named in str(refused.value)


def test_a_file_that_is_away_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        with_file(PLAIN, tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="cannot be read as JSON"):
        with_file(PLAIN, tmp_path / "bytes.json")
