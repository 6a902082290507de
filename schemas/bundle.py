"""The resources of one message: a Bundle's entries, or the one resource itself, before validation."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from schemas.errors import Reason, Refused
from schemas.fhir_addresses import resources_by_url
from schemas.fhir_parse import kind_of, validate
from schemas.fhir_patient import source_id
from schemas.strict_json import is_larger

_HASHED: Final = 32
_MODIFIERS: Final = frozenset({"modifierExtension", "implicitRules"})
_LARGEST: Final = 10_000
"""Values of one resource: some 700 components. Of this many the FHIR library makes a second's work."""
_AT_ONCE: Final = 500
"""Entries of a Bundle whose shells are validated together."""
_CHANGE: Final = Refused(
    Reason.UNSUPPORTED,
    "an entry that deletes or patches its resource; send it as it is now, or with the status entered-in-error",
)
_NESTED: Final = Refused(Reason.UNSUPPORTED, "a Bundle inside a Bundle; send it as a message of its own")


@dataclass(frozen=True)
class Entries:
    """The resources of a message: `readable` ones to read, and what became of the others."""

    readable: tuple[dict[str, Any], ...]
    skipped: tuple[str, ...]
    """Types passed over, once for each resource of it."""
    by_url: dict[str, dict[str, Any]]
    """fullUrl, and `Type/id` of one server alone, -> resource. A relative reference resolves within the Bundle."""
    refused: tuple[Refused, ...] = ()
    """Why an entry cannot be read that says something of a readable resource, where there is no patient to tell."""

    def medication(self, reference: str, holder: Any) -> Any:
        """The code of a Medication that is contained in `holder` or is an entry beside it, else None."""
        for held in holder.contained or ():
            if reference == f"#{held.id}":
                return getattr(held, "code", None)
        beside = self.by_url.get(reference)
        if beside is None or beside.get("resourceType") != "Medication":
            return None
        refuse_large(beside)
        return validate(beside, (_release_of(holder),)).model.code


def entries_of(content: dict[str, Any], releases: tuple[str, ...], readable: frozenset[str]) -> Entries:
    """Split a message into resources; raise Refused where there is none that could be read."""
    kind = kind_of(content)
    if kind in readable:
        return Entries((content,), (), {})
    if kind != "Bundle":
        raise Refused(Reason.UNSUPPORTED, f"a {kind}; send a Bundle or one of {', '.join(sorted(readable))}")
    listed = _listed(content, releases)
    stated = [entry for entry in listed if not _changes(entry, readable)]
    resources = tuple(entry["resource"] for entry in stated if entry.get("resource") is not None)
    refused = [_CHANGE] * (len(listed) - len(stated))
    refused += [_NESTED for resource in resources if _is_bundle_of(resource, readable)]
    if not resources and not refused:
        raise Refused(Reason.NOTHING_TO_READ, "a Bundle without resources; send them as its entries")
    kinds = tuple(_kind_or_none(resource) for resource in resources)
    return Entries(
        readable=tuple(one for one, of in zip(resources, kinds, strict=True) if of is None or of in readable),
        skipped=tuple(of for of in kinds if of is not None and of not in readable),
        by_url=resources_by_url(listed),
        refused=tuple(refused),
    )


def source_of(content: dict[str, Any]) -> str:
    """What the sender can correct or withdraw: `Type/id`, else `Type/system|value`, else a hash of the content."""
    kind = content.get("resourceType")
    named = source_id(content)
    if named is None:
        named = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_HASHED]
    return f"{kind if isinstance(kind, str) else 'Resource'}/{named}"


def _listed(content: dict[str, Any], releases: tuple[str, ...]) -> list[dict[str, Any]]:
    """The entries of a Bundle whose shell is valid; their resources are validated one by one, later."""
    listed = content.get("entry", [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise Refused(Reason.NOT_FHIR, "a Bundle whose entry is no list of objects; send FHIR JSON")
    if not all(isinstance(entry.get("resource"), dict | None) for entry in listed):
        raise Refused(Reason.NOT_FHIR, "a Bundle with a resource that is no object; send FHIR JSON")
    shells = [{key: value for key, value in entry.items() if key != "resource"} for entry in listed]
    shell = {key: value for key, value in content.items() if key != "entry"}
    for part in _parts(shell, [one for one in shells if one]):
        refuse_large(part)
        validate(part, releases)
    refuse_modified([shell, shells])
    return listed


def _parts(shell: dict[str, Any], shells: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A Bundle without resources in parts, so that the first one that is wrong ends the work."""
    yield shell | {"entry": shells[:_AT_ONCE] or None}
    for start in range(_AT_ONCE, len(shells), _AT_ONCE):
        yield {"resourceType": "Bundle", "type": shell.get("type"), "entry": shells[start : start + _AT_ONCE]}


def refuse_large(content: dict[str, Any]) -> None:
    """Raise Refused where validation would take long and stop others."""
    if is_larger(content, _LARGEST):
        raise Refused(Reason.TOO_LARGE, f"a resource of more than {_LARGEST} values; send it as several resources")


def refuse_modified(content: Any) -> None:
    """Raise Refused where any part has what may change the meaning of the rest: FHIR forbids to read on past it."""
    if _is_modified(content):
        raise Refused(
            Reason.UNSUPPORTED,
            "a modifierExtension or implicitRules, which may change what all else means; send it so that it needs none",
        )


def _is_modified(part: Any) -> bool:
    if isinstance(part, list):
        return any(map(_is_modified, part))
    return isinstance(part, dict) and (not _MODIFIERS.isdisjoint(part) or any(map(_is_modified, part.values())))


def _kind_or_none(resource: dict[str, Any]) -> str | None:
    try:
        return kind_of(resource)
    except Refused:
        return None


def _changes(entry: dict[str, Any], readable: frozenset[str]) -> bool:
    """Whether an entry deletes or patches a resource of one of these types and does not say what it is now.

    Its `url` is `Type/id`, a query, or whole. In a history a patch comes with the resource that it made.
    """
    request, resource = entry.get("request"), entry.get("resource") or {}
    if not isinstance(request, dict) or request.get("method") not in ("DELETE", "PATCH"):
        return False
    if readable.isdisjoint(re.split(r"[/?]", str(request.get("url")))):
        return False
    return request["method"] == "DELETE" or resource.get("resourceType") not in tuple(readable)


def _is_bundle_of(resource: dict[str, Any], readable: frozenset[str]) -> bool:
    """Whether it is a Bundle with a resource of one of these types in it, however deep."""
    listed = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
    inside = [entry.get("resource") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    held = [one for one in inside if isinstance(one, dict)]
    return any(one.get("resourceType") in tuple(readable) or _is_bundle_of(one, readable) for one in held)


def _release_of(model: Any) -> str:
    return "R4B" if ".R4B." in type(model).__module__ else "R5"
