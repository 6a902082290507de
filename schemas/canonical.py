"""Bytes that two programs agree on (RFC 8785), and the hashes and ids made from them."""

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any

import rfc8785
from pydantic import BaseModel
from pydantic_core import to_json

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://oncostream.org/ids")
"""The UUIDv5 namespace of every id that oncostream derives."""

_SMALLEST, _TINIEST, _LARGEST = 1e-4, 1e-6, 2**53 - 1
"""Python writes an exponent below the first, JavaScript below the second, and knows no integer above the third."""


def canonical_json(value: Any) -> bytes:
    """Write JSON values (dict, list, str, int, float, bool, None) in RFC 8785 canonical form, and records as theirs.

    Several times faster than `rfc8785`, which writes what is rare: a result is hashed at every event (tests hold the
    two to each other, and records to what pydantic makes of them).
    """
    return _text(value).encode()


def _text(value: Any) -> str:
    return _WRITERS[type(value)](value)


class _Writers(dict[Any, Callable[[Any], str]]):
    """Who writes values of a type: those of JSON's own, and of every other type from when it is first met."""

    def __missing__(self, kind: Any) -> Callable[[Any], str]:
        if issubclass(kind, BaseModel):
            writer = _record_writer(_names(tuple(kind.model_fields)))
        else:
            writer = next((writer for wanted, writer in _KINDS if issubclass(kind, wanted)), _rare)
        self[kind] = writer
        return writer


def _record_writer(names: Sequence[tuple[str, str]]) -> Callable[[Any], str]:
    def write(record: BaseModel) -> str:
        return _members(record.__dict__, names)

    return write


def _object(value: Mapping[Any, Any]) -> str:
    try:
        names = _names(tuple(value))
    except AttributeError:  # a key that is no text: its refusal is the library's
        return _rare(value)
    return _members(value, names)


def _members(value: Mapping[str, Any], names: Sequence[tuple[str, str]]) -> str:
    writers = _WRITERS
    return f"{{{','.join([name + writers[type(part := value[key])](part) for key, name in names])}}}"


@lru_cache(maxsize=4096)
def _names(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The keys by their UTF-16, each as it is written: objects of a kind have the same ones again and again."""
    return tuple((key, f"{_quoted(key)}:") for key in sorted(keys, key=lambda key: key.encode("utf-16-be")))


def _list(value: Sequence[Any]) -> str:
    if not value:
        return "[]"
    if set(map(type, value)) == _ONLY_FLOATS:
        return _floats(value)
    writers = _WRITERS
    return f"[{','.join([writers[type(part)](part) for part in value])}]"


def _floats(value: Sequence[float]) -> str:
    """Numbers alone, most often a curve: at once in Rust, whose digits are the same, where it has no exponent."""
    text = to_json(value).decode()
    if "e" in text or "-0.0" in text or "N" in text or "I" in text:  # also: perhaps a negative zero; NaN, Infinity
        return f"[{','.join(map(_float, value))}]"
    return text.replace(".0,", ",").replace(".0]", "]")


def _float(value: float) -> str:
    """A number as JavaScript writes it: pydantic has the same digits, and other exponents."""
    if _SMALLEST <= value <= _LARGEST:
        return to_json(value).decode().removesuffix(".0")
    if value == 0:
        return "0"
    size = abs(value)
    if _SMALLEST <= size <= _LARGEST:
        return f"-{_float(size)}"
    if _TINIEST <= size < _SMALLEST:
        digits, _, exponent = repr(size).partition("e-")
        return f"{'-' if value < 0 else ''}0.{'0' * (int(exponent) - 1)}{digits.replace('.', '')}"
    return _rare(value)


def _moment(value: datetime) -> str:
    """RFC 3339 as pydantic writes it."""
    return to_json(value).decode()


def _rare(value: Any) -> str:
    return rfc8785.dumps(value).decode()


_KINDS: Sequence[tuple[type, Callable[[Any], str]]] = (
    (str, _quoted),
    (bool, lambda value: "true" if value else "false"),
    (float, _float),
    (dict, _object),
    (list, _list),
    (tuple, _list),
    (datetime, _moment),
    (type(None), lambda _: "null"),
)
_WRITERS = _Writers(_KINDS)
_ONLY_FLOATS = {float}


def content_hash(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical form of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def derived_id(*parts: str) -> str:
    """UUIDv5 of the parts: the same parts always give the same id."""
    return str(uuid.uuid5(NAMESPACE, canonical_json(list(parts)).decode()))
