from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.evidence import TIMELESS, Evidence, EvidenceStatus, Modality, Origin, Vector, evidence
from schemas.picture import Absence, Picture, Window, bounded, merge, merge_all, view
from schemas.tokens import ObservationToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = Window(
    shelf_life={Modality.CLINICAL: 10 * DAY, Modality.IMAGING: 20 * DAY, Modality.GENOMIC: 30 * DAY},
    newest={Modality.CLINICAL: 2, Modality.IMAGING: 2, Modality.GENOMIC: 2},
    encoders={"imaging/cnn": "trained"},
)
CLINICAL, IMAGING, GENOMIC = Modality.CLINICAL, Modality.IMAGING, Modality.GENOMIC
WITHDRAWN, UNREADABLE = EvidenceStatus.WITHDRAWN, EvidenceStatus.UNREADABLE


def piece(
    source: str = "a",
    modality: Modality = CLINICAL,
    *,
    days: int = 0,
    version: str = "v1",
    status: EvidenceStatus = EvidenceStatus.CURRENT,
    value: float = 0.0,
    weights: Sequence[str] = (),
    flags: Sequence[str] = (),
    offset: int = 0,
    reread: int = 0,
) -> Evidence:
    at = NOON + days * DAY
    said = [] if weights else [ObservationToken(code="c", value=value, at=at)]
    vectors = [Vector.pack("imaging/cnn", each, np.zeros(1, np.float32)) for each in weights]
    return evidence(
        patient="p-1", modality=modality, source=source, version=version, occurred_at=at, status=status, flags=flags,
        tokens=said, vectors=vectors, origin=Origin(topic="t", partition=0, offset=offset),
    ).model_copy(update={"reread": reread})  # fmt: skip


def picture(*pieces: Evidence) -> Picture:
    return merge_all({}, pieces)


def sources(pieces: Sequence[Evidence]) -> list[str]:
    return [one.source for one in pieces]


def said(found: Picture) -> dict[object, str]:
    """What a picture says, wherever it was read."""
    return {key: one.hash for key, one in found.items()}


def last_reading_first() -> tuple[Evidence, Evidence]:
    """A loser with the greater hash, and what was read again."""
    one, other = sorted((piece(weights=[each]) for each in ("old", "new")), key=lambda each: each.hash)
    return other, one.model_copy(update={"reread": 1})


VERSIONS = st.builds(
    piece,
    version=st.sampled_from(["v1", "v2"]),
    status=st.sampled_from(EvidenceStatus),
    value=st.sampled_from([0.0, 1.0]),
    offset=st.integers(0, 9),
    reread=st.integers(0, 2),
)
SOURCES = st.builds(
    piece,
    source=st.sampled_from(["a", "b", "Observation/c"]),
    modality=st.sampled_from(Modality),
    version=st.sampled_from(["v1", "v2", "v3"]),
    status=st.sampled_from(EvidenceStatus),
    flags=st.sampled_from([(), (TIMELESS,)]),
)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_merging_is_a_semilattice(one: Evidence, two: Evidence, three: Evidence) -> None:
    assert merge(one, merge(two, three)).hash == merge(merge(one, two), three).hash
    assert merge(one, two).hash == merge(two, one).hash
    assert merge(one, one) == one
    assert merge(one, two).rank == max(one.rank, two.rank)


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        pytest.param(piece(status=WITHDRAWN), piece(version="v2", status=UNREADABLE), id="version-before-all"),
        pytest.param(piece(), piece(status=WITHDRAWN), id="withdrawn-beats-current"),
        *(pytest.param(piece(status=UNREADABLE), piece(value=x), id=f"current-beats-unreadable-{x}") for x in range(4)),
        pytest.param(piece(reread=3), piece(status=WITHDRAWN), id="withdrawn-beats-read-again"),
        pytest.param(piece(reread=1, version="v1"), piece(version="v2"), id="newer-beats-read-again"),
        pytest.param(*last_reading_first(), id="read-again-before-the-hash"),
        pytest.param(*sorted([piece(value=1.0), piece(value=2.0)], key=lambda one: one.hash), id="then-the-hash"),
    ],
)
def test_the_greater_version_wins_whichever_comes_first(loser: Evidence, winner: Evidence) -> None:
    assert merge(loser, winner) == winner
    assert merge(winner, loser) == winner


@settings(max_examples=50)
@given(st.data(), st.lists(SOURCES, max_size=12))
def test_any_order_delay_and_repetition_end_in_the_same_picture(data: st.DataObject, pieces: list[Evidence]) -> None:
    again = data.draw(st.lists(st.sampled_from(pieces), max_size=4)) if pieces else []
    otherwise = data.draw(st.permutations(pieces + again))
    cut = data.draw(st.integers(0, len(otherwise)))
    at_once, in_two = picture(*pieces), merge_all(picture(*otherwise[:cut]), otherwise[cut:])
    assert said(at_once) == said(in_two)
    assert view(at_once, WINDOW) == view(in_two, WINDOW)


@settings(max_examples=50)
@given(st.data(), st.lists(SOURCES, max_size=9, unique_by=lambda one: (one.modality, one.source)), st.integers(1, 4))
def test_what_the_cap_keeps_does_not_depend_on_order(data: st.DataObject, pieces: list[Evidence], most: int) -> None:
    one_by_one: Picture = {}
    for each in data.draw(st.permutations(pieces)):
        one_by_one = bounded(merge_all(one_by_one, [each]), most)
    assert said(one_by_one) == said(bounded(picture(*pieces), most))


def test_the_cap_keeps_the_newest_and_then_the_greater_source() -> None:
    kept = bounded(picture(piece("a"), piece("b"), piece("c", days=-1), piece("d", days=1)), 2)
    assert sorted(source for _, source in kept) == ["b", "d"]


@pytest.mark.parametrize(
    ("pieces", "absence"),
    [
        pytest.param([piece("x", IMAGING)], Absence.NEVER_SEEN, id="never-seen"),
        pytest.param([piece(days=-11), piece("x", IMAGING)], Absence.STALE, id="older-than-its-shelf-life"),
        pytest.param([piece(status=WITHDRAWN)], Absence.WITHDRAWN, id="withdrawn"),
        pytest.param([piece(status=UNREADABLE)], Absence.UNREADABLE, id="unreadable"),
        pytest.param([piece(weights=["older"])], Absence.ENCODER_CHANGED, id="behind-another-encoder"),
        pytest.param([piece(status=WITHDRAWN), piece("b", days=-11), piece("x", IMAGING)], Absence.STALE,
                     id="what-can-be-acted-on-is-told-first"),
        pytest.param([piece("b", days=-11), piece(status=UNREADABLE), piece("x", IMAGING)], Absence.UNREADABLE,
                     id="unreadable-is-told-before-stale"),
    ],
)  # fmt: skip
def test_a_missing_modality_says_why(pieces: list[Evidence], absence: Absence) -> None:
    seen = view(picture(*pieces), WINDOW)
    assert seen.missing[CLINICAL] is absence
    assert CLINICAL not in seen.present


@pytest.mark.parametrize("token", [True, False], ids=["beside-a-vector-of-another-encoder", "nothing-was-found"])
def test_what_needs_no_encoder_counts(token: bool) -> None:
    vectors = piece(weights=["older"]).vectors if token else ()
    one = piece().model_copy(update={"vectors": vectors, "tokens": piece().tokens if token else ()})
    assert view(picture(one), WINDOW).evidence == (one,)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([piece(days=-10), piece("x", IMAGING)], id="shelf-life-is-inclusive"),
        pytest.param([piece(days=-11)], id="age-is-against-the-patients-own-newest-never-the-clock"),
        pytest.param([piece(days=-11), piece("x", IMAGING, status=WITHDRAWN)], id="a-withdrawal-ages-nothing"),
        pytest.param([piece(days=-11), piece("x", IMAGING, status=UNREADABLE)], id="nor-what-cannot-be-read"),
        pytest.param(
            [piece(days=-99, flags=[TIMELESS]), piece("x", IMAGING)], id="a-fact-without-a-time-is-never-stale"
        ),
        pytest.param([piece(days=-11), piece("x", GENOMIC, flags=[TIMELESS])], id="nor-does-it-age-others"),
        pytest.param([piece(weights=["older", "trained"])], id="one-known-encoder-is-enough"),
        pytest.param([piece(status=UNREADABLE), piece("b")], id="one-good-source-is-enough"),
    ],
)
def test_a_present_modality_is_not_missing(pieces: list[Evidence]) -> None:
    seen = view(picture(*pieces), WINDOW)
    assert CLINICAL in seen.present
    assert CLINICAL not in seen.missing


def test_a_fact_without_a_time_keeps_its_place_among_the_newest_and_under_the_cap() -> None:
    known = picture(piece("who", days=-99, flags=[TIMELESS]), piece("a"), piece("b", days=1))
    assert sources(view(known, WINDOW).evidence) == ["b", "who"]
    assert sorted(source for _, source in bounded(known, 2)) == ["b", "who"]


def test_only_the_newest_k_of_a_modality_count_oldest_first() -> None:
    seen = view(picture(piece("b"), piece("c", days=-1), piece("a"), piece("z", IMAGING)), WINDOW)
    assert sources(seen.evidence) == ["a", "b", "z"]


@pytest.mark.parametrize("hide", [lambda one: piece(one, status=WITHDRAWN), lambda one: piece(one, weights=["older"])])
def test_what_does_not_count_takes_no_place_among_the_newest(hide: Callable[[str], Evidence]) -> None:
    seen = view(picture(piece("a", days=-1), piece("b", days=-2), hide("c"), hide("d")), WINDOW)
    assert sources(seen.evidence) == ["b", "a"]


def test_what_cannot_be_read_is_named_beside_what_can() -> None:
    seen = view(picture(piece("a"), piece("c", GENOMIC, status=UNREADABLE), piece("b", status=UNREADABLE)), WINDOW)
    assert seen.unreadable == ("clinical|b", "genomic|c")
    assert sources(seen.evidence) == ["a"]


O1 = "Observation/o1"


@pytest.mark.parametrize(
    ("newer", "counting", "missing"),
    [
        pytest.param(piece(O1, version="v2", status=WITHDRAWN), [], {CLINICAL: "withdrawn"}, id="withdrawn"),
        pytest.param(piece(O1, version="v2"), [(CLINICAL, O1)], {}, id="corrected"),
        pytest.param(piece(O1, version="v2", status=UNREADABLE), [], {CLINICAL: "unreadable"}, id="unreadable"),
        pytest.param(piece(O1, version="v0", status=WITHDRAWN), [(GENOMIC, O1)], {CLINICAL: "withdrawn"}, id="older"),
        pytest.param(piece("Observation/o2", version="v2"), [(CLINICAL, "Observation/o2"), (GENOMIC, O1)], {},
                     id="another-observation"),
    ],
)  # fmt: skip
def test_an_observation_counts_as_what_its_newest_version_is(
    newer: Evidence, counting: list[tuple[Modality, str]], missing: dict[Modality, str]
) -> None:
    first = piece(O1, GENOMIC)
    seen = view(picture(first, newer), WINDOW)
    assert view(picture(newer, first), WINDOW) == seen
    assert [(one.modality, one.source) for one in seen.evidence] == counting
    gone = missing | ({} if (GENOMIC, O1) in counting else {GENOMIC: missing.get(CLINICAL, "withdrawn")})
    assert seen.missing == gone | {IMAGING: Absence.NEVER_SEEN}


def test_only_an_observation_may_be_of_two_modalities() -> None:
    seen = view(picture(piece("a", GENOMIC), piece("a", version="v2", status=WITHDRAWN)), WINDOW)
    assert sources(seen.evidence) == ["a"]


def test_an_older_version_that_was_not_read_is_no_longer_told_of() -> None:
    seen = view(picture(piece(O1, GENOMIC, status=UNREADABLE), piece(O1, version="v2")), WINDOW)
    assert seen.unreadable == ()
