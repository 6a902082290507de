"""What slow tests share: one broker and cache a session, an installation of its own for each test, a network."""

import os
import signal
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.jars import MavenRepository
from deploy.local.servers import LocalServers, running_servers
from model.untrained import write_untrained
from streams.settings import Settings, read_settings

SHARED_JARS = Path(__file__).parents[2] / "shared" / "kafka" / "m2"
"""Kafka's jars beside the repository."""


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a script's background job, and in all that it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Installation:
    """Settings of one test, as an environment (for child processes) and as read."""

    env: dict[str, str]
    settings: Settings


@pytest.fixture(scope="session")
def java_environ() -> dict[str, str]:
    """An environment in which the local servers can start; skips where Kafka's jars cannot be had."""
    if SHARED_JARS.is_dir():
        return {**os.environ, "M2_REPO": str(SHARED_JARS), "JGO_OFFLINE": "true"}
    if not (MavenRepository.of(os.environ).folder / "org/apache/kafka").is_dir() and not _maven_answers():
        pytest.skip("no Kafka: ../shared/kafka/m2, a Maven repository and Maven Central are all absent")
    return dict(os.environ)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, java_environ: dict[str, str]) -> Iterator[LocalServers]:
    """One broker and one cache for all tests of the session; leave them as you found them."""
    with running_servers(tmp_path_factory.mktemp("servers"), environ=java_environ) as running:
        yield running


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network with random weights."""
    folder = tmp_path_factory.mktemp("network")
    write_untrained(folder, seed=0)
    return folder


@pytest.fixture
def fresh_settings(
    servers: LocalServers, untrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """An installation that no other test sees: its own topics, groups, home, and `files_allow` of `tmp_path`."""
    ours = {
        "ONCOSTREAM_KAFKA": servers.addresses.kafka,
        "ONCOSTREAM_REDIS": servers.addresses.redis,
        "ONCOSTREAM_MODEL": str(untrained),
        "ONCOSTREAM_HOME": str(tmp_path / "oncostream-home"),
        "ONCOSTREAM_FILES_ALLOW": str(tmp_path),
        "ONCOSTREAM_KAFKA_PREFIX": f"t{uuid.uuid4().hex[:8]}.",
        "ONCOSTREAM_KAFKA_PARTITIONS": "4",
        "ONCOSTREAM_TRIGGER_SETTLE": "PT0.2S",
    }
    for name in [name for name in os.environ if name.startswith("ONCOSTREAM_")]:
        monkeypatch.delenv(name)
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    others = {name: value for name, value in os.environ.items() if not name.startswith("ONCOSTREAM_")}
    return Installation({**others, **ours}, read_settings())


def _maven_answers() -> bool:
    request = urllib.request.Request("https://repo1.maven.org/maven2/", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
