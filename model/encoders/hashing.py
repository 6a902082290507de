"""Text to numbers in a way that every process agrees on (Python's own `hash` differs from run to run)."""

import hashlib
from functools import lru_cache


@lru_cache(maxsize=65536)
def stable_hash(text: str) -> int:
    """The first 63 bits of the text's SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def bucket(text: str, buckets: int) -> int:
    """A bucket in 1..buckets-1 for the text; 0 is kept for the empty text."""
    return 1 + stable_hash(text) % (buckets - 1) if text else 0
