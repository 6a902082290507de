"""Imaging messages as events: our own JSON, or a FHIR ImagingStudy with an event a series.

A series is a source. Its version is the event's time, and at one time a correction beats the original and a
withdrawal beats both, in whatever order they arrive; two corrections of one moment are ordered by content hash.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from model.intake.imaging_study import ImagingStudy, Series, event_of, known_of, series_of
from model.intake.wrong_event import identified, not_an_event
from schemas.bundle import refuse_modified
from schemas.errors import Reason, Refused
from schemas.events import ImagingEvent
from schemas.message import Message
from schemas.strict_json import strict_json
from schemas.versions import version_of

_IDENTITY = frozenset({"patient", "occurred_at", "status", "series"})
_STUDY = frozenset({"meta", "status", "subject", "started"})
"""Fields that say which series of whom a message speaks of, and in which version."""
_STATUS_ORDER = {"available": "", "corrected": "+1", "entered-in-error": "+2"}


@dataclass(frozen=True)
class VersionedEvent:
    """An event, and the version of its series that it brings."""

    event: ImagingEvent
    version: str

    @property
    def source(self) -> str:
        """What a later event corrects or withdraws."""
        return f"series:{self.event.series}"


@dataclass(frozen=True)
class UnreadEvent(VersionedEvent):
    """One of which its source, its version and whose it is are known; the other fields of the event say nothing."""

    refused: Refused


Said = VersionedEvent | UnreadEvent | Refused
"""A refusal alone is of a series of which not even that is known."""


def parse_imaging(message: Message) -> list[Said]:
    """Read one message, or raise Refused naming the fields that are wrong, never their contents."""
    try:
        value = strict_json(message.value or b"")
    except ValueError as broken:
        raise Refused(Reason.NOT_JSON, f"the message is {broken}; send an imaging event") from broken
    if not isinstance(value, dict):
        raise Refused(Reason.NOT_AN_EVENT, "the message is JSON but no object; send an imaging event or ImagingStudy")
    if "resourceType" in value:
        return _of_study(value)
    try:
        event = ImagingEvent.model_validate(value)
    except ValidationError as wrong:  # its own message quotes what it refused
        refused = _no_event(wrong)
        known = identified(ImagingEvent, value, _IDENTITY, id="unread", study="unread", kind="OT")
        return [UnreadEvent(event, _version(event), refused) for event in known] or [refused]
    return [VersionedEvent(event, _version(event))]


def _version(event: ImagingEvent) -> str:
    return version_of(None, None, event.occurred_at) + _STATUS_ORDER[event.status]


def _of_study(value: dict[str, Any]) -> list[Said]:
    if value["resourceType"] != "ImagingStudy":
        raise Refused(Reason.UNSUPPORTED, "a FHIR resource other than ImagingStudy; send it to the observations topic")
    try:
        refuse_modified(value)
        study = ImagingStudy.model_validate(value)
    except Refused as refused:
        return _known_alone(value, refused)
    except ValidationError as wrong:
        return _known_alone(value, _no_event(wrong))
    return [_of_series(study, series) for series in series_of(study)]


def _of_series(study: ImagingStudy, series: Series) -> Said:
    try:
        event = event_of(study, series)
        return VersionedEvent(event, version_of(study.meta.versionId, study.meta.lastUpdated, event.occurred_at))
    except Refused as refused:
        return _unread(study, series, refused)
    except ValidationError as wrong:
        return _unread(study, series, _no_event(wrong))


def _unread(study: ImagingStudy, series: Series, refused: Refused) -> UnreadEvent | Refused:
    try:
        known = known_of(study, series)
    except (Refused, ValidationError):
        return refused
    return UnreadEvent(known, version_of(study.meta.versionId, study.meta.lastUpdated, known.occurred_at), refused)


def _known_alone(value: dict[str, Any], refused: Refused) -> list[Said]:
    """Each series by what identifies it, where that is well formed: what is wrong elsewhere may be anything."""
    study = {"id": "unread", "status": "unknown", **{name: value[name] for name in _STUDY & value.keys()}}
    listed = value.get("series")
    said: list[Said] = []
    for one in listed if isinstance(listed, list) else ():
        series = {name: one[name] for name in ("uid", "started") if name in one} if isinstance(one, dict) else {}
        try:
            known = ImagingStudy.model_validate({**study, "series": [{**series, "modality": {}}]})
        except ValidationError:
            continue
        said.append(_unread(known, known.series[0], refused))
    return said or [refused]


def _no_event(wrong: ValidationError) -> Refused:
    return not_an_event(wrong, "an imaging event", "ImagingEvent")
