"""A FHIR resource, read once and validated once, in R4B or R5 (DESIGN §3.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from pydantic import ValidationError

from schemas.errors import Reason, Refused
from schemas.fhir_codes import R4B, R5, wrong_codes
from schemas.strict_json import load_object

_PACKAGES: Final = {R4B: "fhir.resources.R4B", R5: "fhir.resources"}
_KIND = re.compile(r"[A-Z][A-Za-z]{2,40}")
_PARAMETER = re.compile(r"fhirversion\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)
_PATHS_SHOWN = 5


@dataclass(frozen=True)
class Resource:
    """A validated resource: its type, its release, the library's object, and the JSON object it came from."""

    kind: str
    release: str
    model: Any
    content: dict[str, Any]


def releases_of(content_type: str | None, setting: str | None) -> tuple[str, ...]:
    """The releases to try, in order: what the header's `fhirVersion` says, else the setting, else both."""
    stated = _PARAMETER.search(content_type or "")
    version = stated[1] if stated else setting
    if version is None:
        return (R4B, R5)
    if version == R4B or version.startswith(("4.0", "4.3")):
        return (R4B,)
    if version == R5 or version.startswith("5.0"):
        return (R5,)
    raise Refused(Reason.UNKNOWN_VERSION, "a FHIR version other than 4.0, 4.3 and 5.0; send R4, R4B or R5")


def parse_fhir(value: bytes | None, releases: tuple[str, ...], max_bytes: int) -> Resource:
    """Read and validate one resource of any type; raise Refused where that fails."""
    return validate(load_object(value, max_bytes), releases)


def validate(content: dict[str, Any], releases: tuple[str, ...]) -> Resource:
    """Validate a JSON object as the first of the releases that accepts it.

    What is wrong is told by the paths of fields and never by their content.
    """
    kind = kind_of(content)
    wrong = []
    for release in releases:
        found = _attempt(kind, content, release)
        if isinstance(found, Resource):
            return found
        wrong.append(f"{release}: {found}")
    raise Refused(Reason.NOT_FHIR, f"{kind} is not valid FHIR ({'; '.join(wrong)}); correct these fields")


def kind_of(content: dict[str, Any]) -> str:
    """The resource type that a JSON object states, where FHIR has such a type."""
    kind = content.get("resourceType")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind) or not _is_known(kind):
        raise Refused(Reason.NOT_FHIR, "an object without a known resourceType; send a FHIR resource")
    return kind


def _attempt(kind: str, content: dict[str, Any], release: str) -> Resource | str:
    """The validated resource, or what is wrong with it."""
    model_class = _class_of(kind, release)
    if model_class is None:
        return "no such resource type"
    try:
        model = model_class.model_validate(content)
    except ValidationError as error:
        return _paths(error)
    except (KeyError, TypeError, AttributeError, RecursionError):  # what the library lets out on malformed parts
        return "a contained part is malformed"
    if misread := sorted(set(_misread(model, content))):
        return f"a date or a number of another JSON type at {', '.join(misread[:_PATHS_SHOWN])}"
    wrong = sorted(set(wrong_codes(kind, model, release)))
    if wrong:
        return f"a code outside its required binding at {', '.join(wrong)}"
    return Resource(kind, release, model, content)


def _misread(model: Any, content: Any, path: str = "") -> Iterator[str]:
    """Where the library took a JSON value for one of another type."""
    if isinstance(content, dict):
        for name, held in content.items():
            yield from _misread(getattr(model, name, None), held, f"{path}.{name}" if path else name)
    elif isinstance(content, list):
        for one, held in zip(model or (), content, strict=False):
            yield from _misread(one, held, path)
    elif _is_made_up(model, content):
        yield path


def _is_made_up(read: Any, sent: Any) -> bool:
    """Whether it is a time made of a number (2026 would be a second of 1970), or a number made of true or false."""
    if isinstance(read, date | time):
        return not isinstance(sent, str)
    return isinstance(sent, bool) and isinstance(read, int | Decimal) and not isinstance(read, bool)


def _paths(error: ValidationError) -> str:
    """Where and what kind, of the first few errors. An unknown field's name is content, so it is left out."""
    told = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        where, what = list(item["loc"]), item["type"]
        if what == "extra_forbidden":
            where[-1:] = ["(unknown field)"]
        told.append(f"{'.'.join(map(str, where)) or '(root)'} {what}")
    return ", ".join(sorted(set(told))[:_PATHS_SHOWN])


@lru_cache(maxsize=512)
def _is_known(kind: str) -> bool:
    return any(_class_of(kind, release) is not None for release in _PACKAGES)


@lru_cache(maxsize=512)
def _class_of(kind: str, release: str) -> Any:
    """The library's class of a resource type, or None; imported when the first such resource comes."""
    try:
        module = import_module(f"{_PACKAGES[release]}.{kind.lower()}")
    except ModuleNotFoundError:
        return None
    is_resource = getattr(getattr(module, kind, None), "has_resource_base", None)
    return getattr(module, kind) if is_resource is not None and is_resource() else None
