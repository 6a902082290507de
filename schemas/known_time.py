"""When a record was sent, and what cannot have happened by then: one wrong year would make all other evidence stale."""

from datetime import datetime, timedelta
from typing import Final

from schemas.errors import Reason, Refused
from schemas.message import Message

_TOLERANCE: Final = timedelta(days=1)
"""A clock that is wrong, or a time without its offset."""


def sent_at(message: Message) -> datetime | None:
    """When the record was sent: its `ce_time`, else Kafka's time of it; None where it says neither.

    Some systems write 1970, or the years 1 or 9999, for none.
    """
    try:
        said = datetime.fromisoformat(message.header("ce_time") or "")
    except ValueError:
        said = message.timestamp
    times = (said, message.timestamp)
    return next((time for time in times if time.tzinfo is not None and 1970 < time.year < 9999), None)


def is_later(moment: datetime, known: datetime | None) -> bool:
    """Whether it cannot have been yet at the time `known`; of None anything may have been."""
    return known is not None and moment - _TOLERANCE > known


def passed(moment: datetime, known: datetime | None) -> datetime:
    """The moment; raise Refused (`no-time`) where it cannot have been yet at the time `known`."""
    if is_later(moment, known):
        raise Refused(
            Reason.NO_TIME,
            "a time more than a day after it was written or sent; send when it was, or send it when it has been",
        )
    return moment
