"""Where files may come from: folders, https hosts and buckets that were allowed, and nothing beside them."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from schemas.errors import Reason, Refused, Unavailable


@dataclass(frozen=True)
class FileRules:
    """What may be fetched. Nothing is allowed that is not named."""

    allowed_folders: tuple[Path, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    """Of https, lower case; `host` for port 443, else `host:port`."""
    allowed_buckets: tuple[str, ...] = ()
    """Of s3."""
    max_bytes: int = 64 * 2**30


@dataclass(frozen=True)
class LocalFile:
    """A path without symlinks under an allowed folder."""

    path: Path


@dataclass(frozen=True)
class RemoteFile:
    """An https URL of an allowed host, or an s3 URL of an allowed bucket."""

    url: str
    scheme: str


def locate(url: str, rules: FileRules) -> LocalFile | RemoteFile:
    """Say where the file is, or raise Refused (not allowed) or Unavailable (an allowed folder that is gone)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as malformed:
        raise not_allowed("a URL that cannot be parsed") from malformed
    if any(ord(letter) < 33 or ord(letter) == 127 for letter in unquote(url) if letter != " "):
        raise not_allowed("a URL with control characters")
    if parts.scheme == "file":
        return LocalFile(_local(parts, rules.allowed_folders))
    if parts.scheme == "https" and "@" not in parts.netloc and "\\" not in url:
        host = (parts.hostname or "").lower()
        if (host if port in (None, 443) else f"{host}:{port}") in rules.allowed_hosts:
            return RemoteFile(url, "https")
    is_key = parts.path.strip("/") and not (parts.query or parts.fragment)
    if parts.scheme == "s3" and parts.netloc in rules.allowed_buckets and is_key:
        return RemoteFile(url, "s3")
    raise not_allowed("a place that is not on the list")


def not_allowed(found: str) -> Refused:
    """The refusal of an address; it never quotes it, since paths may hold names."""
    return Refused(
        Reason.FILE_NOT_ALLOWED,
        f"the file is at {found}; put it in an allowed folder, host or bucket, or allow this one "
        "(ONCOSTREAM_FILES_ALLOW)",
    )


def _local(parts: SplitResult, folders: tuple[Path, ...]) -> Path:
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise not_allowed("a file URL with a host, a query or a fragment")
    asked = Path(unquote(parts.path))
    if not asked.is_absolute():
        raise not_allowed("a relative file URL")
    try:
        path = asked.resolve()
    except (OSError, RuntimeError) as loop:
        raise not_allowed("a path that cannot be resolved") from loop
    for folder in folders:
        if path.is_relative_to(folder.resolve()):
            if not folder.is_dir():
                raise Unavailable("an allowed folder is gone; mount it again")
            return path
    raise not_allowed("a path outside the allowed folders")
