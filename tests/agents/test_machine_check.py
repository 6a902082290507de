"""`doctor` tells where this machine does not bear a local installation."""

from dataclasses import replace
from pathlib import Path

from agents.checks import State, check_machine
from streams.settings import read_settings


def faults(home: Path) -> list[str]:
    settings = read_settings()
    settings = replace(settings, places=settings.places.model_copy(update={"home": home, "model": "absent"}))
    return [each.remedy for each in check_machine(settings) if each.check == "home" and each.state is State.WRONG]


def test_a_home_that_cannot_be_written_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert faults(tmp_path / "new" / "home") == []
    assert faults(tmp_path / "file") == ["set ONCOSTREAM_HOME to one, or give the right to write it"]
