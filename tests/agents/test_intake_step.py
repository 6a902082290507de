import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agents.intake import LARGEST_PIECE, checked, work_of
from agents.wiring import make_parts
from schemas.envelope import REREAD
from schemas.errors import Reason, Refused, Unavailable
from schemas.evidence import Evidence, EvidenceStatus, Modality, Origin, evidence
from schemas.message import Message, Reading
from schemas.tokens import ObservationToken
from streams.pace import Pace
from streams.settings import read_settings
from streams.step import Said, SetAside
from streams.topics import LARGEST_RECORD

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def piece(patient: str) -> Reading:
    origin = Origin(topic="in", partition=0, offset=0)
    made = evidence(
        patient=patient, modality=Modality.CLINICAL, source="s", version="v1", occurred_at=NOON, origin=origin
    )
    return Reading((made,))


def message(key: bytes | None, value: bytes | None = b"p-1") -> Message:
    """A message whose value is its patient."""
    return Message("in", 0, 0, key, value, timestamp=NOON)


def read(one: Message) -> Reading:
    return piece((one.value or b"").decode())


@pytest.mark.parametrize("key", [b"p-1", b"Observation/7", None, b"\xff"])
def test_any_key_is_accepted_where_keys_are_not_trusted(key: bytes | None) -> None:
    assert checked(read, key_is_patient=False)(message(key)) == piece("p-1")


@pytest.mark.parametrize(
    ("key", "value", "strict", "reason"),
    [
        pytest.param(b"p-2", b"p-1", True, Reason.KEY_MISMATCH, id="another-patient-in-the-key"),
        pytest.param(None, b"p-1", True, Reason.KEY_MISMATCH, id="no-key"),
        pytest.param(b"p-1", None, False, Reason.NOTHING_TO_READ, id="no-value"),
    ],
)
def test_what_names_two_patients_or_nothing_is_refused(
    key: bytes | None, value: bytes | None, strict: bool, reason: Reason
) -> None:
    with pytest.raises(Refused) as refused:
        checked(read, key_is_patient=strict)(message(key, value))
    assert refused.value.reason is reason
    assert "p-1" not in refused.value.detail
    assert "p-2" not in refused.value.detail


def test_a_key_that_is_the_patient_is_accepted() -> None:
    assert checked(read, key_is_patient=True)(message(b"p-1")) == piece("p-1")


def partly_refused(one: Message) -> Reading:
    raise Refused(Reason.NO_TIME, "one of two", evidence=read(one).evidence)


def test_what_goes_with_a_refusal_is_held_to_the_key_too() -> None:
    with pytest.raises(Refused) as refused:
        checked(partly_refused, key_is_patient=True)(message(b"p-2"))
    assert refused.value.reason is Reason.KEY_MISMATCH
    assert refused.value.evidence == ()
    with pytest.raises(Refused) as kept:
        checked(partly_refused, key_is_patient=True)(message(b"p-1"))
    assert kept.value.reason is Reason.NO_TIME
    assert kept.value.evidence == piece("p-1").evidence


def test_a_message_whose_file_is_away_holds_no_other_back() -> None:
    """The step reads again what is `Unavailable`, and that alone."""

    def far(one: Message) -> Reading:
        if one.value == b"p-2":
            raise Unavailable("the file store answered 503")
        return partly_refused(one) if one.value == b"p-3" else read(one)

    messages = [message(None, value) for value in (b"p-1", b"p-2", b"p-3", b"p-4")]
    answers = asyncio.run(work_of(far, make_parts(read_settings()), "imaging", Pace(8, 8))(messages))
    assert [type(answer) for answer in answers] == [Said, Unavailable, SetAside, Said]


@pytest.mark.parametrize(
    ("header", "number"),
    [(b"3", 3), (b"", 0), (b"-1", 0), (b"1e3", 0), (b"9999999", 0), ("٣".encode(), 0), (None, 0)],
)
def test_evidence_says_how_often_its_event_was_sent_again(header: bytes | None, number: int) -> None:
    """A header may be the sender's own: one that is no number counts as none."""
    again = replace(message(None), headers=() if header is None else ((REREAD, header),))
    (answer,) = asyncio.run(work_of(read, make_parts(read_settings()), "imaging", Pace(8, 8))([again]))
    assert isinstance(answer, Said)
    assert Evidence.model_validate_json(answer.records[0].value or b"").reread == number


@pytest.mark.parametrize("refused", [False, True], ids=["all-else-is-well", "refused-for-another-reason"])
def test_evidence_that_no_request_could_carry_is_set_aside_and_told_as_unreadable(refused: bool) -> None:
    """Thirteen of 5 MB made a request that fits no record: assembly ended over it at every start, for every patient."""
    small = piece("p-1").evidence[0]
    tokens = [ObservationToken(code="c", answer="a" * 1000, at=NOON)] * (LARGEST_PIECE[Modality.CLINICAL] // 1000)
    large = evidence(
        patient="p-1", modality=Modality.CLINICAL, source="large", version="v2", occurred_at=NOON,
        origin=small.origin, tokens=tokens,
    )  # fmt: skip

    def read_both(_: Message) -> Reading:
        if refused:
            raise Refused(Reason.NO_TIME, "one of three", evidence=(small, large))
        return Reading((small, large))

    work = work_of(read_both, make_parts(read_settings()), "clinical", Pace(8, 8))
    (answer,) = asyncio.run(work([message(None)]))
    assert isinstance(answer, SetAside)
    assert answer.refused.reason is (Reason.NO_TIME if refused else Reason.TOO_LARGE)
    kept, told = (Evidence.model_validate_json(record.value or b"") for record in answer.records)
    assert kept == small
    assert (told.key, told.version, told.status) == (large.key, "v2", EvidenceStatus.UNREADABLE)


def test_a_request_of_the_largest_pieces_fits_a_record() -> None:
    newest = read_settings().trigger.newest
    assert sum(LARGEST_PIECE[modality] * most for modality, most in newest.items()) < LARGEST_RECORD
