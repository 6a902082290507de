"""What a worker puts aside: removed when it ends, and by the next one where it was killed."""

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agents.scratch import remove_orphans

READS = textwrap.dedent("""
    import sys, tempfile
    from pathlib import Path
    from agents.scratch import scratch
    from streams.log import log_to_stderr

    log_to_stderr()
    with scratch():
        folder = tempfile.mkdtemp()
        (Path(folder) / "content").write_bytes(b"a large file")
        print(folder, flush=True)
        sys.stdin.read()
    """)
"""A worker that has copied a file, and reads until its input ends."""

MAIN = (sys.executable, "-c", "from agents.cli import main; main()")


@contextmanager
def reading(parent: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    command = (sys.executable, "-c", READS)
    with subprocess.Popen(
        command, env={"TMPDIR": str(parent), "PYTHONPATH": ":".join(sys.path)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as worker:  # fmt: skip
        assert worker.stdout is not None
        yield worker, Path(worker.stdout.readline().strip()) / "content"


def test_what_a_killed_worker_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "oncostream-worker-notes").mkdir()
    with reading(tmp_path) as (killed, left):
        killed.kill()
        killed.wait()
        assert left.exists()
        with reading(tmp_path) as (_, alive):
            assert not left.parents[1].exists()
            remove_orphans(tmp_path)
            assert alive.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["oncostream-worker-notes"]


@pytest.mark.slow
def test_a_worker_that_starts_removes_what_one_that_was_killed_left(fresh_settings: Any, tmp_path: Path) -> None:
    parent = tmp_path / "temporary"
    parent.mkdir()
    env = fresh_settings.env | {"TMPDIR": str(parent)}
    subprocess.run((*MAIN, "doctor", "--create-topics"), env=env, check=False, capture_output=True)

    def started() -> "tuple[subprocess.Popen[bytes], Path]":
        known = set(parent.iterdir())
        worker = subprocess.Popen((*MAIN, "run", "--role", "clinical"), env=env, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not (new := [path for path in set(parent.iterdir()) - known if (path / "worker.lock").exists()]):
            assert worker.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        return worker, new[0]

    first, left = started()
    first.kill()
    first.wait()
    assert left.exists()
    second, folder = started()
    assert not left.exists()
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0
    assert not folder.exists()
