"""Arrays to what is said: one row of `Answers` as the content of a result (DESIGN §3.5)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.answers import Answers, Array
from model.network import MODALITIES
from model.survival import HORIZONS_YEARS, YEAR_DAYS, survival_at
from schemas.evidence import Modality
from schemas.manifest import Manifest
from schemas.picture import Absence
from schemas.request import Request
from schemas.result import Content, Doubt, Provenance

Parts = dict[str, Any]
"""A record's values by field."""


@dataclass(frozen=True)
class Voice:
    """What every result of one network says alike."""

    manifest: Manifest
    provenance: Provenance
    threshold: float


def nothing_said(request: Request, voice: Voice) -> Content:
    """The content of a result without evidence: withdrawn, or nothing that this network can read."""
    return Content(
        id=request.id,
        patient=request.patient,
        asked_at=request.asked_at,
        evidence=(),
        imputed=(),
        missing=absences(request, voice.manifest),
        truncated=request.truncated,
        abstained="no-evidence",
        review=_review(request),
        provenance=voice.provenance,
    )


@dataclass(frozen=True)
class Numbers:
    """The answers of B patients as Python's own numbers, rounded to 6 decimals: what results of them say."""

    likely: list[list[float]]
    """(B, C) probabilities as they are: the conformal set is theirs, whatever rounding makes equal."""
    diagnosis: list[list[float]]
    survival: list[list[list[float]]]
    risk: dict[str, list[list[float]]]
    """Horizon (`1y`) -> (B, P)."""
    medians: list[list[list[float]]]
    """(B, P, 3): median, low, high."""
    response: list[list[float]]
    doubt: list[list[float]]
    confidence: list[float]
    drops: list[list[float]]


def numbers_of(answers: Answers, manifest: Manifest) -> Numbers:
    """Rounded all at once: number by number, this took as long as the forward pass of a head."""
    edges = np.array(manifest.tasks.edges_days)
    horizons = [years for years in HORIZONS_YEARS if years * YEAR_DAYS <= edges[-1]] if edges.size else []
    alive = {years: survival_at(answers.survival, edges, years * YEAR_DAYS) for years in horizons}
    return Numbers(
        likely=answers.diagnosis.tolist(),
        diagnosis=_rounded(answers.diagnosis),
        survival=_rounded(answers.survival),
        risk={f"{years}y": _rounded(1 - survived) for years, survived in alive.items()},
        medians=_rounded(answers.medians.transpose(0, 2, 1)),
        response=_rounded(answers.response),
        doubt=_rounded(answers.doubt),
        confidence=answers.confidence.tolist(),
        drops=_rounded(answers.drops),
    )


def said(request: Request, numbers: Numbers, row: int, voice: Voice) -> Content:
    """The content of one row; floats rounded to 6 decimals, never NaN.

    Its parts are given as plain values and become records in one validation: one record after another took twice
    as long.
    """
    manifest = voice.manifest
    missing = absences(request, manifest)
    return Content.model_validate(
        {
            "id": request.id,
            "patient": request.patient,
            "asked_at": request.asked_at,
            "evidence": [piece for piece in request.evidence if piece.modality in manifest.modalities],
            "imputed": [modality for modality in missing if modality in manifest.modalities],
            "missing": missing,
            "truncated": request.truncated,
            "diagnosis": _diagnosis(numbers, row, present_of(request, manifest), voice),
            "prognosis": _prognosis(numbers, row, manifest),
            "treatment": dict(zip(manifest.tasks.treatments, numbers.response[row], strict=True)),
            "doubt": dict(zip(Doubt.model_fields, numbers.doubt[row], strict=True)),
            "abstained": "low-confidence" if numbers.confidence[row] < voice.threshold else None,
            "next": _next(numbers.drops[row], missing, manifest),
            "review": _review(request),
            "provenance": voice.provenance,
        },
        from_attributes=True,
    )


def present_of(request: Request, manifest: Manifest) -> tuple[Modality, ...]:
    """The request's modalities that this network was trained with, in order."""
    there = {piece.modality for piece in request.evidence}
    return tuple(modality for modality in MODALITIES if modality in there and modality in manifest.modalities)


def absences(request: Request, manifest: Manifest) -> dict[Modality, Absence]:
    """What is missing and why; a modality this network was not trained with lacks its encoder."""
    unread = {piece.modality for piece in request.evidence if piece.modality not in manifest.modalities}
    missing = dict(request.missing) | dict.fromkeys(unread, Absence.ENCODER_CHANGED)
    return {modality: missing[modality] for modality in MODALITIES if modality in missing}


def pattern_of(present: tuple[Modality, ...]) -> str:
    """The availability pattern as the manifest writes it: `clinical+imaging`."""
    return "+".join(modality.value for modality in present)


def _diagnosis(numbers: Numbers, row: int, present: tuple[Modality, ...], voice: Voice) -> Parts | None:
    """The values of a `Diagnosis`."""
    manifest = voice.manifest
    if not manifest.tasks.diagnosis:
        return None
    likely = numbers.likely[row]
    reach = min(max(1 - manifest.conformal.get(pattern_of(present), 1.0), 0.0), max(likely))
    labels = manifest.tasks.diagnosis
    return {
        "probabilities": dict(zip(labels, numbers.diagnosis[row], strict=True)),
        "conformal_set": [label for label, p in zip(labels, likely, strict=True) if p >= reach],
        "alpha": manifest.alpha,
        "threshold": voice.threshold,
    }


def _prognosis(numbers: Numbers, row: int, manifest: Manifest) -> dict[str, Parts]:
    """The values of a `Survival` an endpoint."""
    found = {}
    for place, endpoint in enumerate(manifest.tasks.endpoints):
        median, low, high = (_days(days) for days in numbers.medians[row][place])
        found[endpoint] = {
            "edges_days": manifest.tasks.edges_days,
            "survival": numbers.survival[row][place],
            "risk": {horizon: risks[row][place] for horizon, risks in numbers.risk.items()},
            "median_days": median,
            "median_interval_days": (low, high),
        }
    return found


def _next(drops: list[float], missing: dict[Modality, Absence], manifest: Manifest) -> list[Parts]:
    """The values of a `NextStep` each modality that could come, the most telling first."""
    steps = [
        {"modality": modality, "expected_drop": drops[place]}
        for place, modality in enumerate(MODALITIES)
        if modality in missing and modality in manifest.modalities
    ]
    return sorted(steps, key=lambda step: -step["expected_drop"])


def _review(request: Request) -> tuple[str, ...]:
    return tuple(f"{source} unreadable" for source in request.unreadable)


def _rounded(values: Array) -> Any:
    """Nested lists of the array's shape; no negative zero."""
    return (np.round(values, 6) + 0.0).tolist()


def _days(days: float) -> float | None:
    return None if math.isinf(days) else days
