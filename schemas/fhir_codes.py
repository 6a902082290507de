"""The codes that FHIR's required bindings allow, where a wrong one would change what we read.

fhir.resources accepts any code and lists only the beginnings of the value sets, so they stand here, as
(type, field) -> codes, the same in R4B and R5 unless a release has its own row.
"""

from collections.abc import Iterator
from typing import Any, Final

R4B: Final = "R4B"
R5: Final = "R5"

_EVENT = "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"
_CODES: Final = {
    ("Bundle", "type"): "document message transaction transaction-response batch batch-response history searchset"
    " collection",
    ("Observation", "status"): "registered preliminary final amended corrected cancelled entered-in-error unknown",
    ("Patient", "gender"): "male female other unknown",
    ("Procedure", "status"): _EVENT,
    ("MedicationAdministration", "status"): _EVENT.removeprefix("preparation "),
    ("MedicationStatement", "status"): "active completed entered-in-error intended stopped on-hold unknown not-taken",
    ("DocumentReference", "status"): "current superseded entered-in-error",
    ("DocumentReference", "docStatus"): "preliminary final amended entered-in-error",
    ("Condition", "verificationStatus"): "unconfirmed provisional differential confirmed refuted entered-in-error",
    ("Condition", "clinicalStatus"): "active recurrence relapse inactive remission resolved",
    ("Quantity", "comparator"): "< <= >= >",
}
_R5_CODES: Final = {
    ("Bundle", "type"): _CODES["Bundle", "type"] + " subscription-notification",
    ("MedicationStatement", "status"): "recorded entered-in-error draft",
    ("DocumentReference", "docStatus"): "registered partial preliminary final amended corrected appended cancelled"
    " entered-in-error deprecated unknown",
    ("Condition", "clinicalStatus"): _CODES["Condition", "clinicalStatus"] + " unknown",
    ("Quantity", "comparator"): _CODES["Quantity", "comparator"] + " ad",
}
_ALLOWED: Final = {
    release: {key: frozenset(codes.split()) for key, codes in (_CODES | own).items()}
    for release, own in ((R4B, {}), (R5, _R5_CODES))
}
_FIELDS: Final = {kind: [field for of, field in _CODES if of == kind] for kind, _ in _CODES}
_REQUIRED: Final = {key for key in _CODES if key[1] in {"status", "type"}}
_CONDITION_SYSTEMS: Final = "http://terminology.hl7.org/CodeSystem/condition-"


def wrong_codes(kind: str, model: Any, release: str) -> Iterator[str]:
    """The paths at which a validated resource has a code outside its required binding."""
    for field in _FIELDS.get(kind, ()):
        code = _code_of(getattr(model, field, None))
        wanted = _ALLOWED[release][kind, field]
        if code not in wanted and (code is not None or (kind, field) in _REQUIRED):
            yield field
    if kind == "Observation":
        yield from _wrong_comparators(model, release)


def _code_of(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    for coding in value.coding or ():
        if (coding.system or "").startswith(_CONDITION_SYSTEMS):
            return str(coding.code)
    return None


def _wrong_comparators(observation: Any, release: str) -> Iterator[str]:
    wanted = _ALLOWED[release]["Quantity", "comparator"]
    for path, holder in (("", observation), *(("component.", part) for part in observation.component or ())):
        for field in ("valueQuantity", "valueRatio"):
            for quantity in _quantities(getattr(holder, field)):
                if quantity.comparator is not None and quantity.comparator not in wanted:
                    yield f"{path}{field}.comparator"


def _quantities(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    if value.__class__.__name__ == "Ratio":
        return tuple(quantity for quantity in (value.numerator, value.denominator) if quantity is not None)
    return (value,)
