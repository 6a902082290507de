"""`doctor` tells where this machine does not bear a local installation."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents.checks import Finding, State, check_machine
from streams.settings import read_settings

FULL = Path("/proc")
"""A folder of a file system without a free byte."""


def found(home: Path, check: str) -> list[Finding]:
    settings = read_settings()
    settings = replace(settings, places=settings.places.model_copy(update={"home": home, "model": "absent"}))
    return [each for each in check_machine(settings) if each.check == check]


def faults(home: Path) -> list[str]:
    return [each.remedy for each in found(home, "home") if each.state is State.WRONG]


def test_a_home_that_cannot_be_written_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert faults(tmp_path / "new" / "home") == []
    assert faults(tmp_path / "file") == ["set ONCOSTREAM_HOME to one, or give the right to write it"]


@pytest.mark.skipif(not FULL.is_dir(), reason="no /proc here")
def test_a_full_disk_is_no_fault_of_a_worker_which_keeps_nothing_there(tmp_path: Path) -> None:
    (full,), (free,) = found(FULL, "disk"), found(tmp_path, "disk")
    assert (full.state, full.found) == (State.NOTE, "/proc has 0 MB free, 1000 MB are wanted")
    assert full.remedy.startswith("make space")
    assert free.state is State.WELL
