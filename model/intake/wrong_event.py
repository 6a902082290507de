"""What an event that does not fit its schema still says, and its refusal: names of fields, never what they hold."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from schemas.errors import Reason, Refused
from schemas.events import ImagingEvent, SequencingEvent
from schemas.evidence import Evidence

Event = TypeVar("Event", ImagingEvent, SequencingEvent)


def identified(
    schema: type[Event], value: Mapping[str, Any], names: frozenset[str], **others: str
) -> tuple[Event, ...]:
    """The event by its fields `names` alone, with `others` in place of the rest; none where one of these is wrong."""
    try:
        return (schema.model_validate({**others, **{name: value[name] for name in names & value.keys()}}),)
    except ValidationError:
        return ()


def not_an_event(wrong: ValidationError, name: str, schema: str, *, evidence: tuple[Evidence, ...] = ()) -> Refused:
    """`no-patient` or `no-time` where it is one of these that is missing or wrong, else `not-an-event`."""
    errors = wrong.errors(include_url=False, include_context=False, include_input=False)
    known = [error for error in errors if error["type"] != "extra_forbidden"]
    fields = sorted({".".join(map(str, error["loc"])) or "(the whole)" for error in known})
    strangers = len(errors) - len(known)  # counted and not named: a sender's own words may say anything
    found = f"missing or wrong: {', '.join(fields) or 'none'}; fields not of the contract: {strangers}"
    reason, remedy = Reason.NOT_AN_EVENT, "correct these"
    if "patient" in fields:
        reason, remedy = Reason.NO_PATIENT, "name the patient in `patient`"
    elif "occurred_at" in fields:
        reason, remedy = Reason.NO_TIME, "give `occurred_at` with its offset from UTC"
    return Refused(
        reason, f"not {name} ({found}); {remedy} and send it again, see the schema {schema}", evidence=evidence
    )
