"""Bytes that two programs agree on (RFC 8785), and the hashes and ids made from them."""

import hashlib
import json
import uuid
from typing import Any

import rfc8785

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://oncostream.org/ids")
"""The UUIDv5 namespace of every id that oncostream derives."""


def canonical_json(value: Any) -> bytes:
    """Write JSON values (dict, list, str, int, float, bool, None) in RFC 8785 canonical form.

    The standard library's encoder writes the same bytes five times faster wherever keys are ASCII and numbers are
    written alike; `rfc8785` writes everything else (a test holds the two to each other).
    """
    try:
        plain = _plain(value)
    except _NotPlain:
        return rfc8785.dumps(value)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


class _NotPlain(Exception):  # noqa: N818  a turn on the way
    """Something that the two encoders may write differently."""


def _plain(value: Any) -> Any:
    """The value with whole floats as integers, or `_NotPlain`."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) and key.isascii() for key in value):
            raise _NotPlain
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, str | bool):
        return value
    if not _SMALLEST <= abs(value) <= _LARGEST and value != 0:
        raise _NotPlain  # an exponent, an integer that JavaScript cannot hold, or not a number
    return int(value) if value == int(value) else value


_SMALLEST, _LARGEST = 1e-4, 2**53 - 1
"""Between these, Python and JavaScript write a number with the same digits and without an exponent."""


def content_hash(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical form of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def derived_id(*parts: str) -> str:
    """UUIDv5 of the parts: the same parts always give the same id."""
    return str(uuid.uuid5(NAMESPACE, canonical_json(list(parts)).decode()))
