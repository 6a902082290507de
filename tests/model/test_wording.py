"""Every number of an answer stands where it belongs in the result: two patients of made-up numbers, worked by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from model.answers import Answers
from model.untrained import untrained_manifest
from model.wording import Voice, nothing_said, numbers_of, said
from schemas.evidence import Evidence, Modality, Origin, evidence
from schemas.picture import Absence
from schemas.request import Cause, History, Request, Status
from schemas.result import Content, Doubt, NextStep, Provenance, Survival

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLINICAL, IMAGING, GENOMIC = Modality
YEAR = 365.25
EDGES = (0.5 * YEAR, YEAR, 2 * YEAR, 4 * YEAR)
DRAFT = untrained_manifest()
MANIFEST = DRAFT.model_copy(
    update={
        "tasks": DRAFT.tasks.model_copy(update={"endpoints": ("OS", "RFS"), "edges_days": EDGES}),
        "alpha": 0.2,
        "conformal": {"clinical": 0.75, "imaging": 0.05, "genomic": 0.69999998},
    }
)
PROVENANCE = Provenance(
    model="m",
    weights_sha256="w",
    settings_sha256="s",
    intended_use="tests",
    quantum_backend="exact",
    quantum_reason="r",
)
VOICE = Voice(MANIFEST, PROVENANCE, threshold=0.6)
FLAT = [0.9, 0.8, 0.7, 0.6]
ANSWERS = Answers(
    diagnosis=np.array([[0.05, 0.3, 0.65], [0.1, 0.30000004, 0.59999996]]),
    survival=np.array([[FLAT, [0.5, 0.4, 0.3, 0.1]], [[1.0, 0.98, 0.9, 0.5], FLAT]]),
    medians=np.array([[[np.inf, 182.625], [900.0, 100.0], [np.inf, 365.25]], [[1461.0, 9.0], [1.0, 8.0], [2.0, 7.0]]]),
    response=np.array([[0.25, 0.123456789], [0.5, 0.75]]),
    doubt=np.array([[0.15, 0.05, 0.04, 0.03, 0.02, 0.01], [0.0, -0.0, 0.0, 0.0, 0.0, 0.0]]),
    confidence=np.array([0.5, 0.6]),
    drops=np.array([[0.0, 0.125, 0.25], [0.25, 0.0, 0.125]]),
)


def piece(modality: Modality) -> Evidence:
    origin = Origin(topic="t", partition=0, offset=0)
    return evidence(patient="p", modality=modality, source="s", version="1", occurred_at=NOON, origin=origin)


def request(*present: Modality, **fields: Any) -> Request:
    missing = {modality: Absence.STALE for modality in Modality if modality not in present}
    return Request(
        id="i", patient="p", model="m", evidence=tuple(map(piece, present)), missing=missing, asked_at=NOON,
        history=History(revision=1, status=Status.FINAL, cause=Cause.QUORUM), **fields,
    )  # fmt: skip


def content(row: int, *present: Modality, voice: Voice = VOICE, **fields: Any) -> Content:
    return said(request(*present, **fields), numbers_of(ANSWERS, voice.manifest), row, voice)


def test_the_curve_the_risks_and_the_median_are_those_of_the_endpoint_and_the_patient() -> None:
    told = content(0, CLINICAL)
    assert told.prognosis == {
        "OS": Survival(
            edges_days=EDGES, survival=tuple(FLAT), risk={"1y": 0.2, "3y": 0.35},
            median_days=None, median_interval_days=(900.0, None),
        ),
        "RFS": Survival(
            edges_days=EDGES, survival=(0.5, 0.4, 0.3, 0.1), risk={"1y": 0.6, "3y": 0.8},
            median_days=182.625, median_interval_days=(100.0, 365.25),
        ),
    }  # fmt: skip
    assert content(1, IMAGING).prognosis["OS"].risk == {"1y": 0.02, "3y": 0.3}
    assert content(1, IMAGING).prognosis["RFS"].median_interval_days == (8.0, 7.0)


def test_a_horizon_at_the_last_bins_end_is_told_and_one_beyond_is_not() -> None:
    tasks = MANIFEST.tasks.model_copy(update={"edges_days": (YEAR, 2 * YEAR, 4 * YEAR, 5 * YEAR)})
    five = replace(VOICE, manifest=MANIFEST.model_copy(update={"tasks": tasks}))
    assert content(0, CLINICAL, voice=five).prognosis["OS"].risk == {"1y": 0.1, "3y": 0.25, "5y": 0.4}


def test_probabilities_doubt_and_response_are_told_by_name_to_6_decimals() -> None:
    told = content(0, CLINICAL)
    assert told.diagnosis is not None
    assert told.diagnosis.probabilities == {"a": 0.05, "b": 0.3, "c": 0.65}
    assert (told.diagnosis.alpha, told.diagnosis.threshold) == (0.2, 0.6)
    assert told.treatment == {"x": 0.25, "y": 0.123457}
    assert told.doubt == Doubt(total=0.15, data=0.05, imputation=0.04, model=0.03, shots=0.02, hardware=0.01)
    assert b"-0.0" not in content(1, IMAGING).to_json()


@pytest.mark.parametrize(
    ("row", "present", "members"),
    [
        pytest.param(0, (CLINICAL,), ("b", "c"), id="at-least-1-less-the-quantile-of-the-pattern"),
        pytest.param(1, (GENOMIC,), ("b", "c"), id="before-any-rounding"),
        pytest.param(0, (IMAGING,), ("c",), id="the-likeliest-is-always-in-it"),
        pytest.param(0, (CLINICAL, IMAGING), ("a", "b", "c"), id="all-of-a-pattern-that-nobody-calibrated"),
    ],
)
def test_the_set_holds_what_the_patients_pattern_does_not_rule_out(
    row: int, present: tuple[Modality, ...], members: tuple[str, ...]
) -> None:
    told = content(row, *present).diagnosis
    assert told is not None
    assert told.conformal_set == members


def test_without_labels_no_diagnosis_is_told_and_without_endpoints_no_curve() -> None:
    tasks = MANIFEST.tasks.model_copy(update={"diagnosis": (), "endpoints": (), "edges_days": ()})
    bare = replace(VOICE, manifest=MANIFEST.model_copy(update={"tasks": tasks}))
    answers = replace(ANSWERS, diagnosis=np.zeros((2, 0)), survival=np.zeros((2, 0, 0)), medians=np.zeros((2, 3, 0)))
    told = said(request(CLINICAL), numbers_of(answers, bare.manifest), 0, bare)
    assert (told.diagnosis, told.prognosis) == (None, {})


def test_under_the_threshold_it_abstains_and_at_it_not() -> None:
    assert content(0, CLINICAL).abstained == "low-confidence"
    assert content(1, CLINICAL).abstained is None


def test_what_to_order_next_is_what_is_missing_and_can_be_read_the_most_telling_first() -> None:
    genomic, imaging = NextStep(modality=GENOMIC, expected_drop=0.25), NextStep(modality=IMAGING, expected_drop=0.125)
    assert content(0, CLINICAL).next == (genomic, imaging)
    assert content(0, CLINICAL, IMAGING).next == (genomic,)
    blind = replace(VOICE, manifest=MANIFEST.model_copy(update={"modalities": (CLINICAL, IMAGING)}))
    assert content(0, CLINICAL, voice=blind).next == (imaging,)


def test_a_modality_that_the_network_was_not_trained_with_is_neither_used_nor_imputed() -> None:
    blind = replace(VOICE, manifest=MANIFEST.model_copy(update={"modalities": (CLINICAL, IMAGING)}))
    told = content(0, CLINICAL, GENOMIC, voice=blind)
    assert [used.modality for used in told.evidence] == [CLINICAL]
    assert told.missing == {IMAGING: Absence.STALE, GENOMIC: Absence.ENCODER_CHANGED}
    assert told.imputed == (IMAGING,)
    assert told.diagnosis is not None
    assert told.diagnosis.conformal_set == ("b", "c")  # the quantile of `clinical`


@pytest.mark.parametrize("evidence_left", [True, False], ids=["some-evidence", "none"])
def test_what_is_left_out_and_what_a_person_should_look_at_are_told(evidence_left: bool) -> None:
    lacking: dict[str, Any] = {"truncated": True, "unreadable": ("imaging|s",)}
    asked = request(CLINICAL, **lacking)
    told = content(0, CLINICAL, **lacking) if evidence_left else nothing_said(asked, VOICE)
    assert (told.id, told.patient, told.asked_at, told.provenance) == ("i", "p", NOON, PROVENANCE)
    assert (told.truncated, told.review) == (True, ("imaging|s unreadable",))
    assert told.missing == {IMAGING: Absence.STALE, GENOMIC: Absence.STALE}
    assert told.imputed == ((IMAGING, GENOMIC) if evidence_left else ())
    assert told.abstained == ("low-confidence" if evidence_left else "no-evidence")
