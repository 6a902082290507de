"""The note of a home: whose it is while several workers come and go there."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agents.here import Here, present, visiting
from agents.local_home import birth_of, local_worker, settings_here
from agents.wiring import model_folder
from streams.settings import read_settings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("ONCOSTREAM_HOME", str(tmp_path))
    monkeypatch.delenv("ONCOSTREAM_KAFKA", raising=False)
    monkeypatch.delenv("ONCOSTREAM_REDIS", raising=False)
    web: Any = SimpleNamespace(address="http://127.0.0.1:9/metrics", when_open=None)
    return Here(read_settings(), web)


def of_another(here: Here) -> dict[str, Any]:
    note = {"pid": os.getppid(), "metrics": "http://127.0.0.1:1/metrics", "kafka": "k:1", "redis": "redis://r:1/0"}
    here.note.write_text(json.dumps(note))
    return note


def rewritten(here: Here, **changes: Any) -> None:
    here.note.write_text(json.dumps(json.loads(here.note.read_text()) | changes))


def opened(here: Here) -> None:
    if here.web.when_open is not None:
        here.web.when_open()


def test_a_note_is_there_while_its_worker_runs(here: Here) -> None:
    with present(here):
        opened(here)
        worker = local_worker(here.settings.places.home)
        assert worker is not None
        assert worker.pid == os.getpid()
    assert not here.note.exists()


def test_a_process_that_has_the_number_of_a_dead_worker_is_none(here: Here) -> None:
    with present(here):
        opened(here)
        note = json.loads(here.note.read_text())
        rewritten(here, started=note["started"] - 1)
        assert local_worker(here.settings.places.home) is None
        rewritten(here, **note)
        assert local_worker(here.settings.places.home) is not None


def test_a_note_without_a_time_of_start_is_believed_by_its_number(here: Here) -> None:
    note = of_another(here)
    worker = local_worker(here.settings.places.home)
    assert worker is not None
    assert worker.pid == note["pid"]


def test_a_note_whose_process_is_gone_is_of_no_worker(here: Here) -> None:
    of_another(here)
    rewritten(here, pid=2**22 + 1)  # beyond the most that Linux gives
    assert local_worker(here.settings.places.home) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")
def test_a_time_of_start_is_read_where_the_programs_name_has_brackets(tmp_path: Path) -> None:
    odd = tmp_path / "a) 1 (b"
    shutil.copy(shutil.which("sleep") or "", odd)
    with subprocess.Popen((odd, "60")) as process:
        try:
            assert birth_of(process.pid) >= birth_of(os.getpid())
        finally:
            process.kill()


def test_a_network_named_by_a_relative_path_is_found_from_any_folder(
    here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONCOSTREAM_MODEL", "run")
    with present(Here(read_settings(), here.web)):
        opened(here)
        monkeypatch.delenv("ONCOSTREAM_MODEL")
        monkeypatch.chdir("/")
        assert model_folder(settings_here()) == tmp_path / "run"


def test_the_note_of_whoever_came_later_stays(here: Here) -> None:
    with present(here):
        opened(here)
        note = of_another(here)
    assert json.loads(here.note.read_text()) == note


def test_a_visitor_leaves_the_note_of_who_was_there(here: Here) -> None:
    note = of_another(here)
    with visiting(here):
        opened(here)
        assert json.loads(here.note.read_text()) == note
    assert json.loads(here.note.read_text()) == note


def test_a_visitor_alone_leaves_its_own(here: Here) -> None:
    with visiting(here):
        opened(here)
        assert json.loads(here.note.read_text())["pid"] == os.getpid()
    assert not here.note.exists()
