"""Whom a FHIR resource is about, read before it is validated, so that a bad one can still be told of."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from schemas.errors import Reason, Refused
from schemas.fhir_addresses import LONGEST, literal_patient, misplaced, number_asked, resources_by_url

_T = TypeVar("_T")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_PEOPLE: Final = ("Patient", "RelatedPerson")
_PERSON: Final = re.compile(r"(?:^|/)(?:Patient|RelatedPerson)[/?]")
_SUBJECTS: Final = ("subject", "patient")
_FOCUSED: Final = ("Observation", "Procedure")
"""What may be done to, or seen of, somebody else than its subject; a Procedure since R5, and then one."""
_PATIENT_TYPES: Final = ("Patient", "http://hl7.org/fhir/StructureDefinition/Patient")


@dataclass(frozen=True)
class People:
    """Names patients the same way through one message."""

    system: str | None = None
    """The identifier system whose values are patient ids as they stand; others are written `system|value`."""
    by_url: dict[str, dict[str, Any]] = field(default_factory=dict)
    """fullUrl -> resource, of every entry of the Bundle."""
    _memo: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False, compare=False)
    """What was looked up in a resource, by its `id()`: a Patient of many numbers is referred to by many."""

    def patient_of(self, content: dict[str, Any]) -> str:
        """The patient id of one resource; raise Refused (`no-patient`) where it names none."""
        found = self._patient(content)
        if found is None:
            raise Refused(
                Reason.NO_PATIENT,
                "a resource whose subject is no Patient by a reference or an identifier of at most "
                f"{LONGEST} characters; send its subject",
            )
        if any(self._of_reference(person, content) != found for person in self._looked_at(content)):
            raise Refused(
                Reason.UNSUPPORTED,
                "a resource whose focus is somebody else than its subject; send it with that person as its subject",
            )
        return found

    def named_in(self, content: dict[str, Any]) -> frozenset[str]:
        """The patients that a resource of any type names: whose it is, and whom it looks at instead.

        So do the resources inside it: those that it contains, and the entries of a Bundle. And so does an identifier
        beside a reference to a Patient in the message who has another one of that system.
        """
        if content.get("resourceType") == "Bundle":
            return self._named_in_entries(_dicts(content.get("entry")))
        named = {self._patient(content)}
        named |= {self._of_reference(person, content) for person in self._looked_at(content)}
        named |= {self._of_subject(held, content) for held in _dicts(content.get("contained"))}
        named |= {self._stranger(content[name], content) for name in _SUBJECTS if isinstance(content.get(name), dict)}
        return frozenset(one for one in named if one is not None)

    def _named_in_entries(self, listed: list[dict[str, Any]]) -> frozenset[str]:
        inside = replace(self, by_url=self.by_url | resources_by_url(listed))
        resources = [entry["resource"] for entry in listed if isinstance(entry.get("resource"), dict)]
        return misplaced(listed).union(*map(inside.named_in, resources))

    def _stranger(self, subject: dict[str, Any], content: dict[str, Any]) -> str | None:
        known, own = self._known(str(subject.get("reference")), content), _identifiers([subject.get("identifier")])
        if known is None or known.get("resourceType") != "Patient" or not own or not own[0][0]:
            return None
        numbers = self._once("numbers", known, lambda: _by_system(known.get("identifier")))
        return "|".join(own[0]) if own[0][1] not in numbers.get(own[0][0], {own[0][1]}) else None

    def _patient(self, content: dict[str, Any]) -> str | None:
        if content.get("resourceType") == "Patient":
            return self._of_patient(content)
        return self._of_subject(content, content)

    def _of_subject(self, content: dict[str, Any], holder: dict[str, Any]) -> str | None:
        for name in _SUBJECTS:
            subject = content.get(name)
            if isinstance(subject, dict):
                return self._of_reference(subject, holder)
        return None

    def _looked_at(self, content: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The people among the focus of it, which may be a donor or an unborn child, or a tumour."""
        if content.get("resourceType") not in _FOCUSED:
            return
        listed = content.get("focus")
        for focus in _dicts([listed] if isinstance(listed, dict) else listed):
            reference = str(focus.get("reference"))
            known = self._known(reference, content)
            kind = focus.get("type") if known is None else known.get("resourceType")
            if kind in _PEOPLE or (known is None and _PERSON.search(reference)):
                yield focus

    def _of_patient(self, patient: dict[str, Any]) -> str | None:
        own = patient.get("id")
        if isinstance(own, str) and _ID.fullmatch(own):
            return own
        return self._of_numbers(patient)

    def _of_reference(self, subject: dict[str, Any], content: dict[str, Any]) -> str | None:
        """By the reference; by the identifier where there is none, or it leads to nothing in this message."""
        reference = subject.get("reference")
        if not isinstance(reference, str):
            return self._of_logical(subject)
        if (asked := number_asked(reference)) is not None:
            return self._of_identifiers([{"system": asked[0], "value": asked[1]}])
        known = self._known(reference, content)
        if known is None:
            inside = reference.startswith(("#", "urn:"))  # an address of this message alone
            return self._of_logical(subject) if inside else literal_patient(reference)
        if known.get("resourceType") != "Patient":
            return None
        if not reference.startswith("#"):
            return self._of_patient(known)
        own = self._of_numbers(known)  # its id is of this message alone
        return self._of_logical(subject) if own is None else own

    def _of_logical(self, subject: dict[str, Any]) -> str | None:
        if subject.get("type", "Patient") not in _PATIENT_TYPES:  # a device has identifiers too
            return None
        return self._of_identifiers([subject.get("identifier")])

    def _known(self, reference: str, content: dict[str, Any]) -> dict[str, Any] | None:
        """The resource of this message that `content` refers to so, if there is one."""
        if reference.startswith("#"):
            held = self._once("held", content, lambda: _by_id(content.get("contained")))
            return held.get(reference[1:])
        return self.by_url.get(reference.split("/_history/")[0])

    def _of_numbers(self, patient: dict[str, Any]) -> str | None:
        return self._once("own", patient, lambda: self._of_identifiers(patient.get("identifier")))

    def _once(self, what: str, content: dict[str, Any], find: Callable[[], _T]) -> _T:
        key = (what, id(content))
        if key not in self._memo:
            self._memo[key] = find()
        found: _T = self._memo[key]
        return found

    def _of_identifiers(self, identifiers: Any) -> str | None:
        valid = [one for one in _dicts(identifiers) if one.get("use") != "old"]  # a number given up, in a merge perhaps
        named = _identifiers(valid)
        ours = [one for one in named if one[0] and one[0] == self.system]
        ids = [value if "|" not in value else f"{system}|{value}" for system, value in ours]  # `a|b` is b of system a
        return next((one for one in (*ids, *map("|".join, named)) if len(one) <= LONGEST), None)


def is_replaced(content: dict[str, Any]) -> bool:
    """Whether a Patient in a message says that another one stands in its place, as after a merge of two records."""
    links = _dicts(content.get("link")) if content.get("resourceType") == "Patient" else []
    inside = [entry.get("resource") for entry in _dicts(content.get("entry"))]
    held = [*_dicts(inside), *_dicts(content.get("contained"))]
    return any(link.get("type") == "replaced-by" for link in links) or any(map(is_replaced, held))


def source_id(content: dict[str, Any]) -> str | None:
    """The logical id of a resource, else its first identifier as `system|value`, else None."""
    own = content.get("id")
    if isinstance(own, str) and _ID.fullmatch(own):
        return own
    named = _identifiers(content.get("identifier"))
    return "|".join(named[0]) if named else None


def _identifiers(identifiers: Any) -> list[tuple[str, str]]:
    """System (or `""`) and value of each identifier that has a value.

    A system with a `|` is no URI, and two identifiers would be one patient: `a|b` and `c`, `a` and `b|c`.
    """
    pairs = [(one.get("system", ""), one.get("value")) for one in _dicts(identifiers)]
    texts = [(system, value) for system, value in pairs if isinstance(system, str) and isinstance(value, str)]
    return [(system, value) for system, value in texts if value and "|" not in system]


def _by_system(identifiers: Any) -> dict[str, set[str]]:
    found = dict[str, set[str]]()
    for system, value in _identifiers(identifiers):
        found.setdefault(system, set()).add(value)
    return found


def _by_id(contained: Any) -> dict[str, dict[str, Any]]:
    """The first resource of each id."""
    return {one["id"]: one for one in reversed(_dicts(contained)) if isinstance(one.get("id"), str)}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
