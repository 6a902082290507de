"""Where a benchmark runs: one broker, one cache, one network; and an installation of its own for each contender."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local.servers import Addresses, local_servers
from model.untrained import write_untrained
from streams.settings import Settings, read_settings

ROOT = Path(__file__).parents[3]
_SHARED_JARS = ROOT.parent / "shared" / "kafka" / "m2"
_SHIPPED = ROOT / "model" / "default"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    runs: int
    events: int | None
    """None: as many as each figure's own default, a few seconds a run."""

    def of(self, default: int) -> int:
        """The number of events of a figure whose default this is."""
        return self.events or default


@dataclass(frozen=True)
class Installation:
    """One contender's own topics, groups and cache keys, as an environment and as settings."""

    env: dict[str, str]
    settings: Settings
    folder: Path
    """The working folder of its processes."""


@dataclass(frozen=True)
class Place:
    """The servers and the networks that all contenders share."""

    folder: Path
    servers: Addresses
    network: Path
    """The shipped one where there is one, else `untrained`."""
    untrained: Path
    """Random weights; knows the feature space `uni-512`."""

    def installation(self, network: Path | None = None, **trigger: str) -> Installation:
        """A fresh one; `trigger` are ONCOSTREAM_TRIGGER_* by their last part."""
        ours = {
            "ONCOSTREAM_KAFKA": self.servers.kafka,
            "ONCOSTREAM_REDIS": self.servers.redis,
            "ONCOSTREAM_MODEL": str(network or self.network),
            "ONCOSTREAM_HOME": str(self.folder / "home"),
            "ONCOSTREAM_FILES_ALLOW": str(self.folder),
            "ONCOSTREAM_KAFKA_PREFIX": f"b{uuid.uuid4().hex[:8]}.",
            "ONCOSTREAM_KAFKA_SESSION_TIMEOUT": "PT80S",  # a contender stands still while others run
            "ONCOSTREAM_TRIGGER_SETTLE": "PT0S",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join((str(ROOT / "tests" / "bench"), str(ROOT))),
            **{f"ONCOSTREAM_TRIGGER_{name.upper()}": value for name, value in trigger.items()},
        }
        for name in [name for name in os.environ if name.startswith("ONCOSTREAM_")]:
            del os.environ[name]
        os.environ.update(ours)
        return Installation(dict(os.environ), read_settings(), self.folder)


@contextmanager
def bench_place() -> Iterator[Place]:
    """Start the servers and write the network; all of it is gone when the block ends."""
    jars = {"M2_REPO": str(_SHARED_JARS), "JGO_OFFLINE": "true"} if _SHARED_JARS.is_dir() else {}
    with TemporaryDirectory(prefix="oncostream-bench-") as name:
        folder = Path(name)
        untrained = folder / "untrained"
        write_untrained(untrained, seed=0)
        shipped = (_SHIPPED / "manifest.json").is_file()
        with local_servers(folder / "servers", environ={**os.environ, **jars}) as servers:
            yield Place(folder, servers, _SHIPPED if shipped else untrained, untrained)
