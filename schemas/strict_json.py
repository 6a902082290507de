"""Bytes to JSON, without what JSON readers let pass: doubled keys, NaN, bombs, other encodings."""

import json
from typing import Any, Final, NoReturn

from schemas.errors import Reason, Refused

DEEPEST: Final = 64
"""Nesting beyond this is no clinical message; the FHIR library would run out of stack at about 200."""


def load_object(value: bytes | None, max_bytes: int) -> dict[str, Any]:
    """The JSON object in `value`; raise Refused where it is absent, too large, too deep or no JSON object."""
    if not value:
        raise Refused(Reason.NOTHING_TO_READ, "the record has no value; send the resource in it")
    if len(value) > max_bytes:
        raise Refused(Reason.TOO_LARGE, f"{len(value)} bytes, at most {max_bytes}; split the Bundle")
    try:
        loaded = strict_json(value)
    except ValueError as error:
        raise _not_json(str(error)) from None
    if not isinstance(loaded, dict):
        raise _not_json("not a JSON object")
    return loaded


def strict_json(value: bytes) -> Any:
    """The JSON in `value`; raise ValueError, which says what it is instead and quotes none of it.

    A key that comes twice is no JSON here: readers take one of its two values, and it may name the patient.
    """
    try:
        loaded = _DECODER.decode(value.decode("utf-8"))
        if b"\\u" in value:
            json.dumps(loaded, ensure_ascii=False).encode()  # refuses half a surrogate pair
    except (ValueError, RecursionError):  # includes JSONDecodeError and UnicodeDecodeError, which quote what they read
        raise ValueError("not UTF-8 JSON with each key once and finite numbers") from None
    if value.count(b"{") + value.count(b"[") > DEEPEST and _is_deeper(loaded, DEEPEST):
        raise ValueError(f"nested deeper than {DEEPEST}")
    return loaded


def _not_json(found: str) -> Refused:
    return Refused(Reason.NOT_JSON, f"the value is {found}; send one JSON object in UTF-8")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key comes twice")
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def is_larger(value: Any, most: int) -> bool:
    """Whether more than `most` values are in a JSON value, at any depth."""
    held, level = 0, [value]
    while level and held <= most:
        held += sum(map(len, level))
        level = [child for node in level for child in _children(node)]
    return held > most


def _children(node: Any) -> list[Any]:
    held = node.values() if isinstance(node, dict) else node
    return [child for child in held if isinstance(child, dict | list)]


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)
