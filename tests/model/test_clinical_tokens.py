"""Which observations of a patient with more than a network takes are read: nothing that is known once is lost."""

import hashlib
import tracemalloc
from datetime import UTC, datetime, timedelta
from random import Random

from model.encoders.clinical_tokens import newest_observations
from model.encoders.hashing import stable_hash
from schemas.evidence import TIMELESS, Evidence, Modality, Origin, evidence
from schemas.tokens import ObservationToken

NOON, EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime.fromtimestamp(0, UTC)
ORIGIN = Origin(topic="t", partition=0, offset=0)


def said(code: str, days: int, value: float | None = 1.0, answer: str = "") -> ObservationToken:
    return ObservationToken(code=code, value=value, answer=answer, at=NOON - timedelta(days=days))


def piece(source: str, token: ObservationToken, *flags: str) -> Evidence:
    return evidence(
        patient="p",
        modality=Modality.CLINICAL,
        source=source,
        version="1",
        occurred_at=token.at,
        origin=ORIGIN,
        tokens=(token,),
        flags=flags,
    )


SEX = ObservationToken(code="sex", answer="f", at=EPOCH)
GRADE = said("grade", 400, value=None, answer="g3")
COUNTS = [said(f"count-{number % 20}", number // 20) for number in range(200)]
PIECES = [piece(str(number), token) for number, token in enumerate([*COUNTS, GRADE])] + [piece("who", SEX, TIMELESS)]


def test_daily_blood_counts_push_out_older_counts_alone() -> None:
    kept = newest_observations(PIECES, 64)
    assert len(kept) == 64
    assert kept[:2] == [SEX, GRADE]
    assert {token.code for token in kept} == {token.code for token in COUNTS} | {"sex", "grade"}
    assert min(token.at for token in kept[2:]) == NOON - timedelta(days=3)


def test_what_is_read_comes_oldest_first_and_does_not_depend_on_the_order_of_arrival() -> None:
    kept = newest_observations(PIECES, 64)
    assert [token.at for token in kept] == sorted(token.at for token in kept)
    mixed = Random(0).sample(PIECES, len(PIECES))
    assert newest_observations(mixed, 64) == kept


def test_the_newest_value_of_a_code_outlives_later_tokens_that_say_nothing() -> None:
    silent = [said("count-0", -number, value=None) for number in range(100)]
    kept = newest_observations([*PIECES, *(piece(f"silent-{one.at}", one) for one in silent)], 64)
    assert said("count-0", 0) in kept


def test_more_codes_than_places_leave_the_newest_codes() -> None:
    codes = [piece(str(number), said(f"code-{number}", number)) for number in range(100)]
    kept = newest_observations([*codes, piece("who", SEX, TIMELESS)], 10)
    assert [token.code for token in kept] == ["sex", *(f"code-{number}" for number in reversed(range(9)))]


def test_fewer_than_the_network_takes_are_all_read() -> None:
    assert newest_observations(PIECES, 1000) == newest_observations(PIECES, len(PIECES))
    assert len(newest_observations(PIECES, 1000)) == len(PIECES)


def test_notes_are_hashed_as_codes_are_and_not_remembered() -> None:
    longest = "n" * 100_000
    assert stable_hash(longest) == int.from_bytes(hashlib.sha256(longest.encode()).digest()[:8], "big") >> 1
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    assert len({stable_hash(f"{number}{longest}") for number in range(50)}) == 50
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 1_000_000
