"""Streams of remote files through fsspec: https without redirects, and s3. Their failures become ours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import aiohttp
import fsspec
from fsspec.exceptions import FSTimeoutError

from schemas.errors import Reason, Refused, Unavailable
from streams.file_rules import RemoteFile, not_allowed

try:
    from botocore.exceptions import BotoCoreError
except ImportError:  # without the extra `s3` nothing raises it
    BotoCoreError = OSError

_CONNECT_SECONDS = 10
_SILENCE_SECONDS = 60
_LATER = frozenset({408, 425, 429})


@contextmanager
def open_remote(place: RemoteFile, options: Mapping[str, Any]) -> Iterator[IO[bytes]]:
    """A stream of the file's bytes as stored, or Refused or Unavailable, also while it is read.

    `options` go to fsspec: for https, `ssl` is a context with the hospital's own authority.
    """
    try:
        with _open_https(place.url, **options) if place.scheme == "https" else _open_s3(place.url, options) as stream:
            yield stream
    except aiohttp.ClientResponseError as answer:
        raise _refusal(answer.status) from answer
    except FileNotFoundError as absent:
        raise _refusal(404) from absent
    except PermissionError as closed:
        raise _refusal(403) from closed
    except (TimeoutError, aiohttp.ClientError, FSTimeoutError, BotoCoreError, OSError) as broken:
        raise Unavailable("a remote file cannot be fetched just now") from broken


@contextmanager
def _open_https(url: str, ssl: Any = True) -> Iterator[IO[bytes]]:
    filesystem = fsspec.filesystem(
        "https",
        skip_instance_cache=True,  # an instance of fsspec keeps its session, and its connections, for ever
        client_kwargs={
            "auto_decompress": False,
            "timeout": aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS),
        },
        encoded=True,
    )
    # A known size saves fsspec's own request for it, which would follow redirects; block size 0 gives a plain stream.
    with filesystem.open(
        url, block_size=0, size=1, ssl=ssl, allow_redirects=False, headers={"Accept-Encoding": "identity"}
    ) as stream:
        if stream.r.status != 200:
            raise _refusal(stream.r.status)
        yield stream


@contextmanager
def _open_s3(url: str, options: Mapping[str, Any]) -> Iterator[IO[bytes]]:
    try:
        filesystem = fsspec.filesystem("s3", use_listings_cache=False, **options)
    except ImportError as absent:
        raise Unavailable("s3 is allowed but not installed; install oncostream[s3]") from absent
    with filesystem.open(url, "rb", cache_type="readahead") as stream:
        yield stream


def _refusal(status: int) -> Refused | Unavailable:
    if status >= 500 or status in _LATER:
        return Unavailable(f"the file store answered {status}")
    if 300 <= status < 400:
        return not_allowed("an address that sends elsewhere, which is not followed")
    if status in (401, 403):
        return not_allowed("a store that denies this worker the file")
    return Refused(Reason.FILE_MISSING, f"the file store answered {status}; send the event again after the upload")
