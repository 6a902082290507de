from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from schemas.evidence import Evidence, EvidenceStatus, Modality, Origin, Vector, evidence
from schemas.picture import Window, merge_all, view
from schemas.request import Cause, Status, request_id
from schemas.tokens import ObservationToken
from streams.policy import Ask, Decision, Policy, Settled, Wait, Withdraw, change, decide, hashes
from streams.state import Asked, Header, PatientState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
CLINICAL, IMAGING, GENOMIC = Modality.CLINICAL, Modality.IMAGING, Modality.GENOMIC
POLICY = Policy(
    model="m1",
    window=Window(dict.fromkeys(Modality, 365 * DAY), dict.fromkeys(Modality, 2), {"imaging/cnn": "w1"}),
    min_modalities=2,
    required=frozenset({CLINICAL}),
    deadline=DAY,
    settle=2 * SECOND,
    min_interval=timedelta(0),
    cap=10,
)
SLOWLY = replace(POLICY, min_interval=HOUR)
NEXT_MODEL = replace(POLICY, model="m2")
NEXT_ENCODER = replace(NEXT_MODEL, window=replace(POLICY.window, encoders={"imaging/cnn": "w2"}))


def piece(modality: Modality, source: str = "a", *, version: int = 1, days: int = 0,
          status: EvidenceStatus = EvidenceStatus.CURRENT) -> Evidence:  # fmt: skip
    at = NOON + days * DAY
    vector = [Vector.pack("imaging/cnn", "w1", np.zeros(1, np.float32))]
    return evidence(
        patient="p-1", modality=modality, source=source, version=f"v{version}", occurred_at=at, status=status,
        tokens=() if modality is IMAGING else [ObservationToken(code="c", value=float(version), at=at)],
        vectors=vector if modality is IMAGING else (), origin=Origin(topic="t", partition=0, offset=0),
    )  # fmt: skip


C, S, G = piece(CLINICAL), piece(IMAGING), piece(GENOMIC)
C2, C3, C_CORRECTED = piece(CLINICAL, "b"), piece(CLINICAL, "c"), piece(CLINICAL, version=2)
C_GONE, S_GONE = (piece(m, version=2, status=EvidenceStatus.WITHDRAWN) for m in (CLINICAL, IMAGING))
O_GENOMIC = piece(GENOMIC, "Observation/o")
O_GONE = piece(CLINICAL, "Observation/o", version=2, status=EvidenceStatus.WITHDRAWN)
S_UNREADABLE = piece(IMAGING, version=2, status=EvidenceStatus.UNREADABLE)


def state(*pieces: Evidence, first: datetime = NOON, last: datetime = NOON, asked: Asked | None = None) -> PatientState:
    return PatientState("p-1", Header(first_evidence=first, last_evidence=last, asked=asked), merge_all({}, pieces))


def said(*pieces: Evidence, status: Status, ever_final: bool, at: datetime = NOON + 2 * SECOND) -> Asked:
    seen = view(merge_all({}, pieces), POLICY.window)
    identity = request_id("p-1", seen, POLICY.model, truncated=False)
    return Asked(id=identity, model="m1", revision=1, status=status, ever_final=ever_final, at=at, hashes=hashes(seen))


FINAL = said(C, S, status=Status.FINAL, ever_final=True)
EARLY = said(C, status=Status.PRELIMINARY, ever_final=False)
TAKEN_BACK = said(C_GONE, S_GONE, status=Status.WITHDRAWN, ever_final=True)


@pytest.mark.parametrize(
    ("known", "after", "expected"),
    [
        pytest.param(state(C), DAY - SECOND, Wait(NOON + DAY), id="too-few-wait-for-the-deadline"),
        pytest.param(state(S, G), HOUR, Wait(NOON + DAY), id="without-a-required-one-there-is-no-quorum"),
        pytest.param(state(C), DAY, Ask(Status.PRELIMINARY, Cause.DEADLINE), id="deadline-is-inclusive"),
        pytest.param(state(C, S), SECOND, Wait(NOON + 2 * SECOND), id="quorum-settles-first"),
        pytest.param(state(C, S), 2 * SECOND, Ask(Status.FINAL, Cause.QUORUM), id="quorum-is-final"),
        pytest.param(state(C, S, last=NOON + DAY), DAY, Ask(Status.FINAL, Cause.QUORUM), id="deadline-ends-settling"),
        pytest.param(state(C, S_UNREADABLE), HOUR, Wait(NOON + DAY), id="unreadable-counts-as-absent"),
        pytest.param(state(C, S_GONE), HOUR, Wait(NOON + DAY), id="withdrawn-counts-as-absent"),
        pytest.param(state(C, piece(IMAGING, days=-366)), HOUR, Wait(NOON + DAY), id="stale-counts-as-absent"),
        pytest.param(state(C_GONE, S_UNREADABLE), DAY, Ask(Status.PRELIMINARY, Cause.DEADLINE),
                     id="at-the-deadline-it-is-told-that-nothing-counts"),
        pytest.param(PatientState("p-1"), DAY, Settled(), id="an-unknown-patient-is-settled"),
        pytest.param(state(), DAY, Settled(), id="an-erased-patient-is-settled"),
    ],
)  # fmt: skip
def test_a_first_result_is_asked_for_at_quorum_or_at_the_deadline(
    known: PatientState, after: timedelta, expected: Decision
) -> None:
    assert decide(known, POLICY, NOON + after) == expected


def test_the_required_modalities_alone_are_quorum() -> None:
    both = replace(POLICY, required=frozenset((CLINICAL, IMAGING)))
    assert decide(state(C, S), both, NOON + HOUR) == Ask(Status.FINAL, Cause.QUORUM)


@pytest.mark.parametrize(
    ("known", "policy", "expected"),
    [
        pytest.param(state(C, S, asked=FINAL), POLICY, Settled(), id="all-that-is-known-is-said"),
        pytest.param(state(C, asked=EARLY), POLICY, Settled(), id="an-early-result-is-not-said-twice"),
        pytest.param(state(C, S, asked=EARLY), POLICY, Ask(Status.FINAL, Cause.QUORUM), id="quorum-after-all"),
        pytest.param(state(C, C2, asked=EARLY), POLICY, Ask(Status.PRELIMINARY, Cause.NEW_EVIDENCE), id="still-early"),
        pytest.param(state(C, S, G, asked=FINAL), POLICY, Ask(Status.AMENDED, Cause.NEW_EVIDENCE), id="more-amends"),
        pytest.param(state(C_CORRECTED, S, asked=FINAL), POLICY, Ask(Status.AMENDED, Cause.CORRECTION), id="corrected"),
        pytest.param(state(C, S_GONE, asked=FINAL), POLICY, Ask(Status.AMENDED, Cause.WITHDRAWAL), id="one-withdrawn"),
        pytest.param(state(C, asked=FINAL), POLICY, Ask(Status.AMENDED, Cause.WITHDRAWAL), id="one-erased"),
        pytest.param(state(C_GONE, S_GONE, asked=FINAL), POLICY, Withdraw(Cause.WITHDRAWAL), id="nothing-is-left"),
        pytest.param(state(asked=FINAL), POLICY, Withdraw(Cause.WITHDRAWAL), id="everything-was-erased"),
        pytest.param(state(C_GONE, S_GONE, asked=TAKEN_BACK), POLICY, Settled(), id="taken-back-once-is-enough"),
        pytest.param(state(C_GONE, S_GONE, G, asked=TAKEN_BACK), POLICY, Ask(Status.AMENDED, Cause.NEW_EVIDENCE),
                     id="evidence-after-a-withdrawal-amends"),
        pytest.param(state(C, S, asked=FINAL), NEXT_MODEL, Ask(Status.AMENDED, Cause.MODEL_CHANGE), id="new-network"),
        pytest.param(state(C, S, asked=FINAL), NEXT_ENCODER, Ask(Status.AMENDED, Cause.MODEL_CHANGE),
                     id="another-encoder-is-no-withdrawal"),
        pytest.param(state(C, S_UNREADABLE, asked=FINAL), POLICY, Ask(Status.AMENDED, Cause.NEW_EVIDENCE),
                     id="a-newer-file-that-cannot-be-read-is-no-withdrawal"),
        pytest.param(state(C, C2, C3, asked=said(C, C2, status=Status.PRELIMINARY, ever_final=False)), POLICY,
                     Ask(Status.PRELIMINARY, Cause.NEW_EVIDENCE), id="pushed-out-is-not-withdrawn"),
        pytest.param(state(S, O_GENOMIC, O_GONE, asked=said(S, O_GENOMIC, status=Status.PRELIMINARY, ever_final=False)),
                     POLICY, Ask(Status.PRELIMINARY, Cause.WITHDRAWAL), id="withdrawn-under-another-code"),
    ],
)  # fmt: skip
def test_a_later_result_is_asked_for_when_what_was_said_is_not_what_is_known(
    known: PatientState, policy: Policy, expected: Decision
) -> None:
    assert decide(known, policy, NOON + HOUR) == expected


@pytest.mark.parametrize(
    ("last", "now", "policy", "expected"),
    [
        pytest.param(NOON + HOUR, NOON + HOUR + SECOND, POLICY, Wait(NOON + HOUR + 2 * SECOND), id="settles-again"),
        pytest.param(NOON + 3 * SECOND, NOON + 9 * SECOND, SLOWLY, Wait(NOON + HOUR + 2 * SECOND), id="not-too-often"),
        pytest.param(
            NOON, NOON + HOUR + 2 * SECOND, SLOWLY, Ask(Status.AMENDED, Cause.NEW_EVIDENCE), id="interval-over"
        ),
        pytest.param(NOON + DAY, NOON + DAY + SECOND, SLOWLY, Wait(NOON + DAY + 2 * SECOND), id="the-later-of-the-two"),
    ],
)
def test_a_later_result_waits_for_quiet_and_for_the_interval(
    last: datetime, now: datetime, policy: Policy, expected: Decision
) -> None:
    assert decide(state(C, S, G, last=last, asked=FINAL), policy, now) == expected


def test_truncation_alone_is_told_in_a_new_revision() -> None:
    known = state(C, S, asked=FINAL)
    cut = replace(known, header=known.header.model_copy(update={"truncated": True}))
    assert decide(cut, POLICY, NOON + HOUR) == Ask(Status.AMENDED, Cause.NEW_EVIDENCE)


def test_a_change_names_what_came_changed_and_went() -> None:
    told = change(view(merge_all({}, [C_CORRECTED, G]), POLICY.window), FINAL)
    assert (told.added, told.replaced, told.removed) == (("genomic|a",), ("clinical|a",), ("imaging|a",))


def test_a_change_names_its_sources_in_order() -> None:
    seen, corrected = view(merge_all({}, [C2, S, G]), POLICY.window), ("clinical|b", "genomic|a", "imaging|a")
    before = Asked.model_validate(FINAL.model_dump() | {"hashes": dict.fromkeys(corrected, "x")})
    assert change(seen, before).replaced == corrected
    assert change(seen, None).added == corrected
    assert change(view({}, POLICY.window), before).removed == corrected
