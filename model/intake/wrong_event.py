"""The refusal of an event that does not fit its schema: by the names of its fields, never by what they hold."""

from pydantic import ValidationError

from schemas.errors import Reason, Refused


def not_an_event(wrong: ValidationError, name: str, schema: str) -> Refused:
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
    return Refused(reason, f"not {name} ({found}); {remedy} and send it again, see the schema {schema}")
