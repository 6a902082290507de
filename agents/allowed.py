"""Where files may come from, as ONCOSTREAM_FILES_ALLOW says."""

from pathlib import Path

from streams.file_rules import FileRules
from streams.settings import Settings, WrongSettings


def file_rules(settings: Settings) -> FileRules:
    """The rules of this deployment; raises `WrongSettings`."""
    folders, hosts, buckets = [], [], []
    for place in filter(None, map(str.strip, settings.places.files_allow.split(","))):
        if place.startswith("https://"):
            hosts.append(place.removeprefix("https://").rstrip("/").lower())
        elif place.startswith("s3://"):
            buckets.append(place.removeprefix("s3://").rstrip("/"))
        elif place.startswith("/"):
            folders.append(Path(place))
        else:
            raise WrongSettings(
                f"ONCOSTREAM_FILES_ALLOW: found {place!r}; wanted absolute folders, https://host or s3://bucket"
            )
    return FileRules(tuple(folders), tuple(hosts), tuple(buckets), settings.input.max_file_bytes)
