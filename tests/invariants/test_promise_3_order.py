"""Promise 3: any interleaving, duplication or delay of the same events ends in the same last result."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from events_in import NOON, Sent, cohort
from hypothesis import given, settings
from hypothesis import strategies as st
from road import LayRoad, Undisturbed, last_contents

from schemas.evidence import Evidence, EvidenceStatus, Modality, Origin, evidence
from schemas.message import Message
from schemas.picture import Window, merge_all
from schemas.request import Request
from schemas.tokens import ObservationToken
from streams.advance import Arrival, advance
from streams.policy import Policy
from streams.state import PatientState

WINDOW = Window(shelf_life=dict.fromkeys(Modality, timedelta(days=400)), newest=dict.fromkeys(Modality, 3), encoders={})
POLICY = Policy(
    model="network@1",
    window=WINDOW,
    min_modalities=2,
    required=frozenset(),
    deadline=timedelta(hours=2),
    settle=timedelta(minutes=1),
    min_interval=timedelta(0),
    cap=100,
)
ARRIVED = datetime(2026, 6, 1, tzinfo=UTC)


@st.composite
def pieces(draw: st.DrawFn) -> Evidence:
    """Evidence of one patient that often collides: few sources, few versions, few contents."""
    at = NOON + timedelta(days=draw(st.sampled_from((0, 1, 500))))
    value = draw(st.sampled_from((1.0, 2.0)))
    return evidence(
        patient="p-1",
        modality=draw(st.sampled_from((Modality.CLINICAL, Modality.GENOMIC))),
        source=draw(st.sampled_from("abcd")),
        version=draw(st.sampled_from(("v1", "v2"))),
        occurred_at=at,
        origin=Origin(topic="t", partition=0, offset=draw(st.integers(0, 9))),
        status=draw(st.sampled_from(EvidenceStatus)),
        tokens=(ObservationToken(code="c", value=value, at=at),),
    )


some = st.lists(pieces(), max_size=8)


def hashes(*lists: list[Evidence]) -> dict[tuple[Modality, str], str]:
    """What a picture made of these lists, one after another, holds."""
    picture: dict[tuple[Modality, str], Evidence] = {}
    for each in lists:
        picture = merge_all(picture, each)
    return {key: piece.hash for key, piece in picture.items()}


@given(some, some, some)
def test_pictures_merge_in_any_order_grouping_and_number(
    one: list[Evidence], two: list[Evidence], three: list[Evidence]
) -> None:
    assert hashes(one, two) == hashes(two, one)
    grouped = merge_all(merge_all({}, one), list(merge_all(merge_all({}, two), three).values()))
    assert {key: piece.hash for key, piece in grouped.items()} == hashes(one, two, three)
    assert hashes(one, one, two, one) == hashes(one, two)


def last_request(arrived: list[Evidence], cuts: set[int]) -> Request | None:
    """What is asked last of these, taken in batches that end at the cuts, an hour apart, and after the deadline."""
    state, asked, batch = PatientState("p-1"), None, []
    for place, piece in enumerate(arrived):
        moment = ARRIVED + timedelta(hours=place)
        message = Message("evidence", 0, place, None, b"", timestamp=moment)
        batch.append(Arrival(message, (piece.modality, piece.source), piece))
        if place in cuts or place == len(arrived) - 1:
            step = advance(state, batch, POLICY, moment)
            state, asked, batch = step.after, step.request or asked, []
    step = advance(state, [], POLICY, ARRIVED + timedelta(days=30))
    return step.request or asked


@settings(max_examples=300)
@given(some, st.randoms(use_true_random=False), st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_arrivals_in_any_order_and_batches_end_in_the_same_request(
    arrived: list[Evidence], rng: random.Random, cuts: set[int], others: set[int]
) -> None:
    shuffled = [*arrived, *rng.sample(arrived, len(arrived) // 2)]
    rng.shuffle(shuffled)
    one, other = last_request(arrived, cuts), last_request(shuffled, others)
    if one is not None and other is not None:
        assert [piece.hash for piece in one.evidence] == [piece.hash for piece in other.evidence]
        assert (one.id, one.missing, one.unreadable) == (other.id, other.missing, other.unreadable)


@pytest.mark.slow
def test_a_cohort_shuffled_and_duplicated_ends_in_the_same_results(lay_road: LayRoad, undisturbed: Undisturbed) -> None:
    road, rng = lay_road(), random.Random(3)
    events = cohort()
    shuffled = [*events, *rng.sample(events, len(events) // 3)]
    rng.shuffle(shuffled)
    rekeyed = [Sent(event.topic, rng.choice((None, b"all", event.key)), event.value) for event in shuffled]

    async def run() -> dict[str, str]:
        road.start()
        await road.send(rekeyed)
        await road.settled()
        return last_contents(await road.results())

    assert asyncio.run(run()) == undisturbed.contents
