"""Arrays to what is said: one row of `Answers` as the content of a result (DESIGN §3.5)."""

import math
from dataclasses import dataclass

import numpy as np

from model.answers import Answers, Array
from model.network import MODALITIES
from model.survival import HORIZONS_YEARS, YEAR_DAYS, survival_at
from schemas.evidence import Modality
from schemas.manifest import Manifest
from schemas.picture import Absence
from schemas.request import Request
from schemas.result import Content, Diagnosis, Doubt, EvidenceUsed, NextStep, Provenance, Survival


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


def said(request: Request, answers: Answers, row: int, voice: Voice) -> Content:
    """The content of one row; floats rounded to 6 decimals, never NaN."""
    manifest = voice.manifest
    missing = absences(request, manifest)
    return Content(
        id=request.id,
        patient=request.patient,
        asked_at=request.asked_at,
        evidence=_used(request, manifest),
        imputed=tuple(modality for modality in MODALITIES if modality in missing and modality in manifest.modalities),
        missing=missing,
        truncated=request.truncated,
        diagnosis=_diagnosis(answers.diagnosis[row], present_of(request, manifest), voice),
        prognosis=_prognosis(answers, row, manifest),
        treatment={name: _r(p) for name, p in zip(manifest.tasks.treatments, answers.response[row], strict=True)},
        doubt=_doubt(answers.doubt[row]),
        abstained="low-confidence" if answers.confidence[row] < voice.threshold else None,
        next=_next(answers.drops[row], missing, manifest),
        review=_review(request),
        provenance=voice.provenance,
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


def _used(request: Request, manifest: Manifest) -> tuple[EvidenceUsed, ...]:
    return tuple(
        EvidenceUsed(
            modality=piece.modality,
            source=piece.source,
            hash=piece.hash,
            occurred_at=piece.occurred_at,
            flags=piece.flags,
        )
        for piece in request.evidence
        if piece.modality in manifest.modalities
    )


def _diagnosis(probabilities: Array, present: tuple[Modality, ...], voice: Voice) -> Diagnosis | None:
    manifest = voice.manifest
    if not manifest.tasks.diagnosis:
        return None
    reach = max(1 - manifest.conformal.get(pattern_of(present), 1.0), 0.0)
    likeliest = int(np.argmax(probabilities))
    chosen = [k for k, p in enumerate(probabilities) if p >= reach or k == likeliest]
    return Diagnosis(
        probabilities={label: _r(p) for label, p in zip(manifest.tasks.diagnosis, probabilities, strict=True)},
        conformal_set=tuple(manifest.tasks.diagnosis[k] for k in chosen),
        alpha=manifest.alpha,
        threshold=voice.threshold,
    )


def _prognosis(answers: Answers, row: int, manifest: Manifest) -> dict[str, Survival]:
    edges = np.array(manifest.tasks.edges_days)
    found = {}
    for place, endpoint in enumerate(manifest.tasks.endpoints):
        curve = answers.survival[row, place]
        horizons = [years for years in HORIZONS_YEARS if years * YEAR_DAYS <= edges[-1]]
        median, low, high = (_days(days) for days in answers.medians[row, :, place])
        found[endpoint] = Survival(
            edges_days=manifest.tasks.edges_days,
            survival=tuple(_r(s) for s in curve),
            risk={f"{years}y": _r(1 - survival_at(curve, edges, years * YEAR_DAYS)) for years in horizons},
            median_days=median,
            median_interval_days=(low, high),
        )
    return found


def _doubt(parts: Array) -> Doubt:
    total, data, imputation, model, shots, hardware = (_r(part) for part in parts)
    return Doubt(total=total, data=data, imputation=imputation, model=model, shots=shots, hardware=hardware)


def _next(drops: Array, missing: dict[Modality, Absence], manifest: Manifest) -> tuple[NextStep, ...]:
    steps = [
        NextStep(modality=modality, expected_drop=_r(drops[place]))
        for place, modality in enumerate(MODALITIES)
        if modality in missing and modality in manifest.modalities
    ]
    return tuple(sorted(steps, key=lambda step: -step.expected_drop))


def _review(request: Request) -> tuple[str, ...]:
    return tuple(f"{source} unreadable" for source in request.unreadable)


def _r(value: float | np.floating | Array) -> float:
    return round(float(value), 6) + 0.0  # no negative zero


def _days(days: float) -> float | None:
    return None if math.isinf(days) else _r(days)
