import re
from datetime import UTC, datetime, timedelta

import pytest

from schemas.envelope import RECEIVED, envelope, received_at
from schemas.message import Message

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def cause(*headers: tuple[str, bytes], offset: int = 7) -> Message:
    return Message("imaging.events", 3, offset, b"k", b"{}", headers, timestamp=NOON)


def written(message: Message, identity: str = "id-1") -> dict[str, str]:
    headers = envelope(kind="evidence", identity=identity, subject="p-ü", role="imaging", cause=message, now=LATER)
    assert len(dict(headers)) == len(headers)
    return {name: value.decode() for name, value in headers}


def test_every_cloud_events_header_is_there() -> None:
    assert {name: value for name, value in written(cause()).items() if name != "traceparent"} == {
        "ce_specversion": "1.0",
        "ce_id": "id-1",
        "ce_source": "urn:oncostream:imaging",
        "ce_type": "org.oncostream.evidence.v1",
        "ce_time": "2026-03-01T12:05:00+00:00",
        "ce_subject": "p-ü",
        "content-type": "application/json",
        RECEIVED: "2026-03-01T12:00:00+00:00",
    }


def test_a_trace_goes_on_under_a_span_of_our_own() -> None:
    went_on = written(cause(("traceparent", f"00-{TRACE}-{SPAN}-00".encode())))["traceparent"]
    version, trace, span, flags = went_on.split("-")
    assert (version, trace, flags) == ("00", TRACE, "00")
    assert TRACEPARENT.fullmatch(went_on)
    assert span != SPAN


@pytest.mark.parametrize(
    "brought",
    [
        pytest.param((), id="none"),
        pytest.param((("traceparent", b""),), id="empty"),
        pytest.param((("traceparent", None),), id="null"),
        pytest.param((("traceparent", f"ff-{TRACE}-{SPAN}-01".encode()),), id="another-version"),
        pytest.param((("traceparent", f"00-{TRACE.upper()}-{SPAN}-01".encode()),), id="upper-case"),
        pytest.param((("traceparent", f"00-{'0' * 32}-{SPAN}-01".encode()),), id="all-zero-trace"),
        pytest.param((("traceparent", f"00-{TRACE}-{'0' * 16}-01".encode()),), id="all-zero-span"),
        pytest.param((("traceparent", b"\xff\xfe00"),), id="not-text"),
    ],
)
def test_a_bad_trace_is_replaced_by_one_derived_from_the_record(brought: tuple[tuple[str, bytes], ...]) -> None:
    made = written(cause(*brought))["traceparent"]
    assert TRACEPARENT.fullmatch(made)
    assert TRACE not in made
    assert made == written(cause())["traceparent"]
    assert made[3:35] != written(cause(offset=8))["traceparent"][3:35]


def test_two_outputs_of_one_record_share_its_trace_and_have_their_own_spans() -> None:
    one, other = (written(cause(), identity)["traceparent"].split("-") for identity in ("a", "b"))
    assert one[1] == other[1]
    assert one[2] != other[2]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param((), NOON, id="first-hop-is-the-records-own-time"),
        pytest.param(((RECEIVED, b"2026-03-01T12:05:00+00:00"),), LATER, id="later-hops-carry-it-on"),
        pytest.param(((RECEIVED, b"yesterday"),), NOON, id="nonsense-is-not-believed"),
        pytest.param(((RECEIVED, b"2026-03-01T12:05:00"),), NOON, id="a-time-without-offset-is-nonsense"),
        pytest.param(((RECEIVED, None),), NOON, id="no-value-is-no-header"),
    ],
)
def test_the_time_of_receipt_is_carried_from_hop_to_hop(
    headers: tuple[tuple[str, bytes], ...], expected: datetime
) -> None:
    assert received_at(cause(*headers)) == expected
    assert received_at(cause((RECEIVED, written(cause(*headers))[RECEIVED].encode()))) == expected
