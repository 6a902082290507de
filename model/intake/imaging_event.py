"""Imaging messages as events: our own JSON, or a FHIR ImagingStudy with an event a series.

A series is a source. Its version is the event's time, and at one time a correction beats the original and a
withdrawal beats both, in whatever order they arrive; two corrections of one moment are ordered by content hash.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from model.intake.imaging_study import ImagingStudy, series_of
from model.intake.wrong_event import not_an_event
from schemas.bundle import refuse_modified
from schemas.errors import Reason, Refused
from schemas.events import ImagingEvent
from schemas.message import Message
from schemas.strict_json import strict_json
from schemas.versions import version_of

_STATUS_ORDER = {"available": "", "corrected": "+1", "entered-in-error": "+2"}


@dataclass(frozen=True)
class VersionedEvent:
    """An event, and the version of its series that it brings."""

    event: ImagingEvent
    version: str
    refused: Refused | None = None
    """Why its files cannot be read, where the event says so itself."""

    @property
    def source(self) -> str:
        """What a later event corrects or withdraws."""
        return f"series:{self.event.series}"


@dataclass(frozen=True)
class Parsed:
    """The events of a message, and why other series of it are none."""

    events: tuple[VersionedEvent, ...]
    refused: tuple[Refused, ...] = ()


def parse_imaging(message: Message) -> Parsed:
    """Read one message, or raise Refused naming the fields that are wrong, never their contents."""
    try:
        value = strict_json(message.value or b"")
    except ValueError as broken:
        raise Refused(Reason.NOT_JSON, f"the message is {broken}; send an imaging event") from broken
    if not isinstance(value, dict):
        raise Refused(Reason.NOT_AN_EVENT, "the message is JSON but no object; send an imaging event or ImagingStudy")
    try:
        if "resourceType" in value:
            return _of_study(value)
        event = ImagingEvent.model_validate(value)
    except ValidationError as wrong:  # its own message quotes what it refused
        raise not_an_event(wrong, "an imaging event", "ImagingEvent") from None
    moment = version_of(None, None, event.occurred_at)
    return Parsed((VersionedEvent(event, moment + _STATUS_ORDER[event.status]),))


def _of_study(value: dict[str, Any]) -> Parsed:
    if value["resourceType"] != "ImagingStudy":
        raise Refused(Reason.UNSUPPORTED, "a FHIR resource other than ImagingStudy; send it to the observations topic")
    refuse_modified(value)
    study = ImagingStudy.model_validate(value)
    events, refused = [], []
    for one in series_of(study):
        if one.event is not None:
            version = version_of(study.meta.versionId, study.meta.lastUpdated, one.event.occurred_at)
            events.append(VersionedEvent(one.event, version, one.refused))
        elif one.refused is not None:
            refused.append(one.refused)
    return Parsed(tuple(events), tuple(refused))
