"""Text to numbers in a way that every process agrees on (Python's own `hash` differs from run to run)."""

import hashlib
from functools import lru_cache

_LONGEST_KEPT = 512
"""Characters of a text that is remembered: codes come again, notes do not, and would fill the memory."""


def stable_hash(text: str) -> int:
    """The first 63 bits of the text's SHA-256."""
    return _remembered(text) if len(text) <= _LONGEST_KEPT else _hash(text)


def bucket(text: str, buckets: int) -> int:
    """A bucket in 1..buckets-1 for the text; 0 is kept for the empty text."""
    return 1 + stable_hash(text) % (buckets - 1) if text else 0


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


_remembered = lru_cache(maxsize=65536)(_hash)
