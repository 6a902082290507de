"""Kafka's jars: exactly those of the lock file, from a local Maven repository or from Maven Central.

jgo's own environment builder does not compare with its lock file, and fetches a Java 11 to sort
modules from plain jars, which a class path does not need: here jgo reads its lock and downloads, no more.
"""

import hashlib
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jgo.env import LockedDependency, LockFile
from jgo.maven import Artifact, MavenContext

from deploy.local.errors import LocalError

LOCK = Path(__file__).with_name("jgo.lock.toml")
"""Every jar of the broker with its version and its SHA-256."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MavenRepository:
    """A folder of jars in Maven's layout; `offline` forbids to add to it from Maven Central."""

    folder: Path
    offline: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "MavenRepository":
        """Read M2_REPO and JGO_OFFLINE, which mean here what they mean to jgo."""
        folder = environ.get("M2_REPO") or Path.home() / ".m2" / "repository"
        offline = environ.get("JGO_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
        return cls(Path(folder).expanduser().resolve(), offline)


def resolve_jars(repository: MavenRepository, lock: Path = LOCK) -> tuple[Path, ...]:
    """Return the locked jars, in the lock's order, each checked against its SHA-256."""
    return tuple(_resolve(repository, locked) for locked in LockFile.load(lock).dependencies)


def _resolve(repository: MavenRepository, locked: LockedDependency) -> Path:
    """One jar, fetched first where it is not there and that is allowed."""
    artifact = _artifact(repository.folder, locked)
    jar = repository.folder / artifact.component.path_prefix / artifact.filename
    if not jar.is_file():
        _fetch(repository, locked, jar)
    _verify(jar, locked.sha256)
    return jar


def _artifact(folder: Path, locked: LockedDependency) -> Artifact:
    """jgo's name for a jar in a repository folder."""
    context = MavenContext(repo_cache=folder, local_repos=[])
    return context.project(locked.groupId, locked.artifactId).at_version(locked.version).artifact()


def _fetch(repository: MavenRepository, locked: LockedDependency, jar: Path) -> None:
    """Download aside, check, then move in place: nobody ever finds half a jar there."""
    if repository.offline:
        raise LocalError(f"{jar} is missing and JGO_OFFLINE is set; unset it, or set M2_REPO to a folder that has it")
    log.info("fetching %s from Maven Central", jar.name)
    try:
        repository.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=repository.folder, prefix=".fetching-") as aside:
            fetched = _artifact(Path(aside), locked).resolve()
            _verify(fetched, locked.sha256)
            jar.parent.mkdir(parents=True, exist_ok=True)
            fetched.replace(jar)
    except (OSError, RuntimeError) as error:
        raise LocalError(
            f"{jar.name} could not be fetched from Maven Central ({type(error).__name__}); "
            "connect to the network, or set M2_REPO to a folder that has it"
        ) from error


def _verify(jar: Path, promised: str | None) -> None:
    """Refuse other content than the lock promises; a lock that promises nothing matches nothing."""
    with jar.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != promised:
        raise LocalError(
            f"{jar} has SHA-256 {found[:12]}, {LOCK.name} wants {str(promised)[:12]}; delete that file and start again"
        )
