from datetime import UTC, datetime, timedelta

import pytest

from schemas.dead_letter import NAMES, DeadLetter, original_headers
from schemas.errors import Reason, Refused

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LETTER = DeadLetter(
    reason=Reason.HASH_MISMATCH,
    detail="the file differs from its hash; send the event again after the upload — überprüft",
    topic="imaging.events",
    partition=3,
    offset=9_007_199_254_740_993,
    step="imaging",
    version="0.1.0",
    attempts=1,
    first_failure=NOON,
    last_failure=NOON + timedelta(microseconds=1),
)

ORIGINALS = [
    pytest.param([], id="none"),
    pytest.param([("a", b"\xff\x00"), ("a", b""), ("ce_id", b"9f")], id="any-bytes-repeated-names"),
    pytest.param([("dead_letter_reason", b"forged")], id="a-name-of-ours"),
    pytest.param(LETTER.to_headers(), id="a-replay-that-died-again"),
]


@pytest.mark.parametrize("original", ORIGINALS)
def test_a_letter_and_the_original_headers_come_back_as_they_were(original: list[tuple[str, bytes]]) -> None:
    headers = [*original, *LETTER.to_headers()]
    assert DeadLetter.from_headers(headers) == LETTER
    assert original_headers(headers) == original


def test_a_letter_is_named_by_the_place_of_its_original() -> None:
    assert LETTER.id == "imaging.events/3/9007199254740993"


def test_every_header_has_the_prefix_and_readable_text() -> None:
    headers = dict(LETTER.to_headers())
    assert all(name.startswith("dead_letter_") for name in headers)
    assert headers["dead_letter_reason"] == b"hash-mismatch"
    assert headers["dead_letter_first_failure"] == b"2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="no-headers"),
        pytest.param([("ce_id", b"1")] * len(NAMES), id="other-headers"),
        pytest.param([*LETTER.to_headers(), ("later", b"")], id="something-after-ours"),
        pytest.param([(name, b"\xff") for name in NAMES], id="not-text"),
        pytest.param([(name, b"why") for name in NAMES], id="unknown-reason"),
    ],
)
def test_headers_that_are_no_letter_are_refused_without_their_content(headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(Refused) as refusal:
        DeadLetter.from_headers(headers)
    assert refusal.value.reason is Reason.NOT_AN_EVENT
    assert "why" not in refusal.value.detail
