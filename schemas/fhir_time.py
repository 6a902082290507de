"""When a resource says that something was: every form FHIR has, as one instant in UTC.

A date without a time, or a partial date, is its first instant in UTC. A Period is its end, else its start; it is its
start too while it goes on. A time that cannot have been when its resource was written is refused.
"""

import re
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any, Final

from schemas.errors import Reason, Refused
from schemas.known_time import is_later, passed
from schemas.versions import version_of

_FIELDS: Final = {
    "Observation": ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming", "issued"),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Procedure": (
        *("performedDateTime", "performedPeriod"),
        *("occurrenceDateTime", "occurrencePeriod", "occurrenceTiming", "recorded"),
    ),
    "MedicationAdministration": (
        *("effectiveDateTime", "effectivePeriod"),
        *("occurenceDateTime", "occurencePeriod", "occurenceTiming", "recorded"),  # so spelt in R5
    ),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod", "effectiveTiming", "dateAsserted"),
    "DocumentReference": ("date",),
}
_NEVER: Final = "9999"
_NO_YEARS: Final = ("0001", _NEVER)
"""How systems that must write a time write that there is none; as a time, 9999 would make all other evidence stale."""
_WRITTEN: Final = ("issued", "dateAsserted")
"""When a resource was as it is, beside `meta.lastUpdated`; `recorded` is when it first was, perhaps as a plan."""
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d):60")


def known_at(content: dict[str, Any], sent: datetime | None) -> datetime | None:
    """When an object, valid or not, was written, else when it was sent; None where neither is known."""
    meta = content.get("meta")
    texts = (meta.get("lastUpdated") if isinstance(meta, dict) else None, *map(content.get, _WRITTEN))
    moments = [moment for moment in map(_instant_or_none, texts) if moment is not None]
    return max((moment for moment in moments if not is_later(moment, sent)), default=sent)


def time_of(kind: str, model: Any, known: datetime | None) -> datetime:
    """When this resource was true; raise Refused (`no-time`) where it does not say, or is later than `known`."""
    for field in _FIELDS[kind]:
        moment = _moment(getattr(model, field, None), known)
        if moment is not None:
            return passed(moment, known)
    raise Refused(Reason.NO_TIME, f"{kind} without a time, wanted one of {', '.join(_FIELDS[kind])}; send it")


def stated_time(content: dict[str, Any], known: datetime | None) -> datetime | None:
    """The time, not later than `known`, that an object which failed validation states in plain text or as a Period."""
    stated = [content.get(field) for field in _FIELDS.get(str(content.get("resourceType")), ())]
    texts = [(one.get("end"), one.get("start")) if isinstance(one, dict) else (one,) for one in stated]
    moments = map(_instant_or_none, chain.from_iterable(texts))
    return next((moment for moment in moments if moment is not None and not is_later(moment, known)), None)


def first_instant(value: str | date | datetime) -> datetime:
    """The first instant, in UTC, of a FHIR date, dateTime or instant."""
    if str(value)[:4] in _NO_YEARS:
        raise Refused(Reason.NO_TIME, "a time in the year 1 or 9999, which stands for none; send one or none")
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(_full(str(value)))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(Reason.NO_TIME, "a time that is on no calendar; send a FHIR dateTime") from error


def end_of(period: Any) -> Any:
    """The end of a Period; None where it is open, which some write as the year 9999."""
    return None if str(period.end)[:4] == _NEVER else period.end


def _full(text: str) -> str:
    if len(text) < len("2016-01-01"):
        return text + "-01-01"[len(text) - len("2016") :]
    return _LEAP_SECOND.sub(r"\1:59", text)


def _moment(value: Any, known: datetime | None) -> datetime | None:
    """The instant of a dateTime, Period or Timing; None where it has none. What goes on is when it began."""
    if value is None or isinstance(value, str | date):
        return None if value is None else first_instant(value)
    if value.__class__.__name__ == "Timing":
        events = [first_instant(event) for event in value.event or () if event is not None]
        bounds = value.repeat.boundsPeriod if value.repeat is not None else None
        over = [event for event in events if not is_later(event, known)]
        return max(over or [min(events)]) if events else _moment(bounds, known)
    end = None if (closed := end_of(value)) is None else first_instant(closed)
    if end is not None and not is_later(end, known):
        return end
    return None if value.start is None else first_instant(value.start)


def stated_version(content: dict[str, Any], at: datetime) -> str:
    """The version of an object which failed validation, as far as its `meta` can be read."""
    meta = content.get("meta")
    if not isinstance(meta, dict):
        return version_of(None, None, at)
    number, updated = meta.get("versionId"), meta.get("lastUpdated")
    return version_of(number if isinstance(number, str) else None, _instant_or_none(updated), at)


def _instant_or_none(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        return first_instant(text)
    except Refused:
        return None
