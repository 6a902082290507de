"""Versions of a source as sortable text: versionId over lastUpdated over event time (DESIGN §3.2)."""

from datetime import UTC, datetime
from typing import Final

_LEAST: Final = "t"
"""Before every version that says a time."""


def version_of(version_id: str | None, last_updated: datetime | None, event_time: datetime) -> str:
    """The version as text whose order is the order of versions.

    A versionId counts only where it is a number, since FHIR gives no order to any other.
    """
    if version_id is not None and version_id.isascii() and version_id.isdigit() and len(version_id) <= 20:
        return f"v{version_id:0>20}"
    if last_updated is not None:
        return f"u{_sortable(last_updated)}"
    return f"t{_sortable(event_time)}"


def without_time(version: str) -> str:
    """The version of what has a wrong event time: the least, where it was made of that."""
    return _LEAST if version.startswith("t") else version


def without_update(version: str) -> str:
    """The version of what was last updated at a wrong time: the least, unless it is the sender's number."""
    return version if version.startswith("v") else _LEAST


def _sortable(moment: datetime) -> str:
    at = moment.astimezone(UTC).replace(tzinfo=None)  # strftime would write the year 999 with three digits
    return f"{at.isoformat(timespec='microseconds')}Z"
