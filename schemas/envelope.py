"""CloudEvents 1.0 headers in Kafka binary mode, and W3C trace context, on everything we write."""

import hashlib
import re
from datetime import UTC, datetime

from schemas.message import Message

Headers = list[tuple[str, bytes]]

RECEIVED = "oncostream_received"
"""Header of ours: when the input record that led here was received (RFC 3339), for end-to-end latency."""

REREAD = "oncostream_reread"
"""Header of ours, of an event that `oncostream reread` sent again: how often it was."""

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


def envelope(*, kind: str, identity: str, subject: str, role: str, cause: Message, now: datetime) -> Headers:
    """Headers of an output record: CloudEvents of type `org.oncostream.<kind>.v1`, the trace of its cause."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.encode()),
        ("ce_source", f"urn:oncostream:{role}".encode()),
        ("ce_type", f"org.oncostream.{kind}.v1".encode()),
        ("ce_time", now.astimezone(UTC).isoformat().encode()),
        ("ce_subject", subject.encode()),
        ("content-type", b"application/json"),
        ("traceparent", _next_span(cause, identity).encode()),
        (RECEIVED, received_at(cause).isoformat().encode()),
    ]


def received_at(message: Message) -> datetime:
    """When the input that led to this record was received: carried along, else the record's own time.

    The header may be the sender's own: one that is no time with an offset counts as none.
    """
    try:
        carried = datetime.fromisoformat(message.header(RECEIVED) or "")
    except ValueError:
        return message.timestamp
    return message.timestamp if carried.tzinfo is None else carried


def reread_of(message: Message) -> int:
    """How often the event was sent again for another encoder; what is no such number counts as never."""
    said = message.header(REREAD) or ""
    return int(said) if re.fullmatch("[0-9]{1,6}", said) else 0


def _next_span(cause: Message, identity: str) -> str:
    """The cause's trace with a span of our own; a trace derived from the record where it brings none."""
    place = f"{cause.topic}/{cause.partition}/{cause.offset}"
    span = hashlib.sha256(f"{place}/{identity}".encode()).hexdigest()[:16]
    found = _TRACEPARENT.match(cause.header("traceparent") or "")
    if found and found[1] != _NO_TRACE and found[2] != _NO_SPAN:
        return f"00-{found[1]}-{span}-{found[3]}"
    return f"00-{hashlib.sha256(place.encode()).hexdigest()[:32]}-{span}-01"
