"""One record that the synthetic hospital sends, with the files that it points to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

START = datetime(2024, 1, 1, tzinfo=UTC)
"""The first day of every synthetic cohort."""


@dataclass(frozen=True)
class SyntheticFile:
    """A file still in memory: its name under `files/`, its bytes, its media type."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True)
class Sent:
    """A record before it is written; `value` has no `files` yet where `files` is not empty."""

    topic: str
    value: Mapping[str, Any] | str
    at: datetime
    key: str | None
    files: tuple[SyntheticFile, ...] = field(default=())
