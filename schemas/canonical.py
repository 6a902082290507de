"""Bytes that two programs agree on (RFC 8785), and the hashes and ids made from them."""

import hashlib
import uuid
from typing import Any

import rfc8785

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://oncostream.org/ids")
"""The UUIDv5 namespace of every id that oncostream derives."""


def canonical_json(value: Any) -> bytes:
    """Write JSON values (dict, list, str, int, float, bool, None) in RFC 8785 canonical form."""
    return rfc8785.dumps(value)


def content_hash(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical form of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def derived_id(*parts: str) -> str:
    """UUIDv5 of the parts: the same parts always give the same id."""
    return str(uuid.uuid5(NAMESPACE, canonical_json(list(parts)).decode()))
