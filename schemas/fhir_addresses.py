"""Where a Bundle's resources are: a relative reference means a neighbour on the server of its own entry (§2.36.4.1)."""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

_ID: Final = r"[A-Za-z0-9\-.]{1,64}"
_VERSION: Final = r"(?:/_history/[A-Za-z0-9\-.]+)?"
_TYPED: Final = rf"[A-Z][A-Za-z]{{2,40}}/{_ID}"
_RELATIVE: Final = re.compile(rf"({_TYPED}){_VERSION}")
_ABSOLUTE: Final = re.compile(rf"(https?://[^\s|]+)/({_TYPED}){_VERSION}")
_NUMBER: Final = re.compile(r"[^\s|,$\\]+\|[^|,$\\]+")
"""A system and a value without what separates, or escapes, the parts of a search."""
LONGEST: Final = 256
"""Characters of a patient id, as in events: it is part of keys."""
_REFERRING: Final = ("subject", "patient", "focus", "medicationReference")


def resources_by_url(listed: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The resources of a Bundle's entries by fullUrl, and by `Type/id` where that is one resource of one server."""
    found, shared = {}, _shared(listed)
    for entry in listed:
        resource, url = entry.get("resource"), entry.get("fullUrl")
        if isinstance(resource, dict):
            name = f"{resource.get('resourceType')}/{resource.get('id')}"
            found.update({} if name in shared else {name: resource})
            if isinstance(url, str):
                found[url] = resource
    return found


def literal_patient(reference: str) -> str | None:
    """The id in `Patient/<id>`, or the whole address without its version: two servers may give one id to two people."""
    relative, absolute = _RELATIVE.fullmatch(reference), _ABSOLUTE.fullmatch(reference)
    if relative is not None and relative[1].startswith("Patient/"):
        return relative[1].removeprefix("Patient/")
    if absolute is None or not absolute[2].startswith("Patient/"):
        return None
    address = f"{absolute[1]}/{absolute[2]}"
    return address if len(address) <= LONGEST else None


def number_asked(reference: str) -> tuple[str, str] | None:
    """System and value in `Patient?identifier=system|value`, a transaction's conditional reference.

    None for any other search: of several numbers, or of a number without a system, it cannot be told whose it is.
    """
    path, _, query = reference.partition("?")
    name, _, asked = query.partition("=")
    text = unquote(asked)
    if (path, name) != ("Patient", "identifier") or "&" in asked or "+" in asked or not _NUMBER.fullmatch(text):
        return None
    system, _, value = text.partition("|")
    return system, value


def misplaced(listed: list[dict[str, Any]]) -> frozenset[str]:
    """The names of Patients whose entry is at another id's address, or who are on several servers under one id."""
    found = set[str]()
    for entry in listed:
        resource, address = entry.get("resource"), literal_patient(str(entry.get("fullUrl")))
        if address is None or not isinstance(resource, dict) or resource.get("resourceType") != "Patient":
            continue
        own = str(resource.get("id", ""))
        if own and own != address.rpartition("/")[2]:
            found |= {own, address}
    shared = _shared(listed)
    return frozenset(found.union(*(places for name, places in shared.items() if name.startswith("Patient/"))))


def _shared(listed: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Each `Type/id` that is at several addresses, by the entry there or by what an entry refers to beside it."""
    places = dict[str, set[str]]()
    for entry in listed:
        at = _ABSOLUTE.fullmatch(str(entry.get("fullUrl")))
        if at is None or not isinstance(entry.get("resource"), dict):
            continue
        for name in (at[2], *_relative_names(entry["resource"])):
            places.setdefault(name, set()).add(f"{at[1]}/{name}")
    return {name: several for name, several in places.items() if len(several) > 1}


def _relative_names(resource: dict[str, Any]) -> Iterator[str]:
    """`Type/id` of whom or what a resource, or one inside it, refers to by a relative reference."""
    held = resource.get("contained")
    for holder in (resource, *(held if isinstance(held, list) else ())):
        for reference in _references(holder) if isinstance(holder, dict) else ():
            matched = _RELATIVE.fullmatch(reference)
            if matched:
                yield matched[1]


def _references(holder: dict[str, Any]) -> Iterator[str]:
    either = holder.get("medication")  # R5: a CodeableReference
    values = [*map(holder.get, _REFERRING), either.get("reference") if isinstance(either, dict) else None]
    for value in values:
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, dict) and isinstance(one.get("reference"), str):
                yield one["reference"]
