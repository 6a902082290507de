"""A synthetic cohort with the gaps and slips of a real one, and the truth beside it to check against."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from model.cohorts.folder import IMAGING_TOPIC, OBSERVATION_TOPIC, CohortCard, Outcome, SurvivalTime, Tasks
from model.cohorts.folder_writer import CohortWriter, event_line
from model.cohorts.resources import instant, quantity
from model.cohorts.synthetic_clinical import clinical_events
from model.cohorts.synthetic_event import START, Sent
from model.cohorts.synthetic_files import imaging_events
from model.cohorts.synthetic_genome import genomic_events
from model.cohorts.synthetic_patients import (
    ENDPOINTS,
    HORIZON_DAYS,
    LABELS,
    TREATMENTS,
    SyntheticPatient,
    draw_patients,
)
from schemas.canonical import derived_id

TRUTH, WITHHELD = "truth.csv", "withheld.ndjson"
"""Beside the contract's files: the latent factors, and the events of modalities that were not sent."""

_MODALITIES: Mapping[str, Callable[[SyntheticPatient, int], list[Sent]]] = {
    "c": clinical_events,
    "i": imaging_events,
    "g": genomic_events,
}


def write_synthetic(out: Path, patients: int, seed: int, flawed: bool = False) -> None:
    """Write a cohort folder at `out`: the same arguments give the same bytes.

    `flawed` adds records that only the dead letters can take: text that is not JSON, a file whose hash is
    not the one promised, an Observation of nobody.
    """
    cohort_patients = draw_patients(patients, seed)
    withheld: list[str] = []
    with CohortWriter(out, _card(seed)) as cohort:
        sent = _flaws(cohort, seed) if flawed else []
        for patient in cohort_patients:
            for letter, events_of in _MODALITIES.items():
                written = [_stored(cohort, event, letter in patient.has) for event in events_of(patient, seed)]
                if letter in patient.has:
                    sent += written
                else:
                    withheld += [event_line(event.topic, event.value, event.key) for event in written]
            _write_fate(cohort, patient)
        for event in sorted(sent, key=lambda event: event.at):
            cohort.event(event.topic, event.value, event.key, _headers(event, seed))
    (out / WITHHELD).write_text("".join(withheld), encoding="utf-8")
    _write_truth(out / TRUTH, cohort_patients)


def _card(seed: int) -> CohortCard:
    return CohortCard(
        name=f"synthetic-{seed}",
        source="made by oncostream; no patient behind it",
        terms="free of rights",
        tasks=Tasks(diagnosis=LABELS, treatments=TREATMENTS, endpoints=ENDPOINTS, horizon_days=HORIZON_DAYS),
    )


def _stored(cohort: CohortWriter, event: Sent, is_sent: bool) -> Sent:
    """The event with its files written and named; those of withheld events go to a folder of their own."""
    if isinstance(event.value, str) or not event.files:
        return event
    folder = "files" if is_sent else "withheld"
    files = [
        cohort.store(f"{folder}/{file.name}", file.content) | {"media_type": file.media_type} for file in event.files
    ]
    return replace(event, value={**event.value, "files": files}, files=())


def _headers(event: Sent, seed: int) -> dict[str, str]:
    """CloudEvents headers, as two senders of three write them."""
    text = str(event.value.get("id", "")) if not isinstance(event.value, str) else ""
    made = derived_id("synthetic", str(seed), text, instant(event.at))
    if not text or int(made[0], 16) % 3 == 0:
        return {}
    kind = "fhir" if event.topic == OBSERVATION_TOPIC else event.topic.split(".")[0]
    return {
        "ce_specversion": "1.0",
        "ce_id": made,
        "ce_source": "https://oncostream.org/cohorts/synthetic",
        "ce_type": f"org.oncostream.input.{kind}",
        "ce_time": instant(event.at),
    }


def _write_fate(cohort: CohortWriter, patient: SyntheticPatient) -> None:
    cohort.outcome(Outcome(patient.id, patient.label, patient.treatment, patient.responded, patient.site))
    cohort.survival(SurvivalTime(patient.id, "OS", patient.fate.os_days, patient.fate.died))
    cohort.survival(SurvivalTime(patient.id, "RFS", patient.fate.rfs_days, patient.fate.relapsed))


def _write_truth(path: Path, patients: tuple[SyntheticPatient, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, lineterminator="\n")
        responses = [f"response_{name}" for name in TREATMENTS]
        table.writerow(
            ["patient", "class", "has", "clinical", "imaging", "genomic_1", "genomic_2", "severity", *responses]
        )
        for patient in patients:
            factors = (patient.clinical, patient.imaging, *patient.genomic, patient.severity)
            numbers = [f"{number:.6f}" for number in (*factors, *patient.response_probability)]
            table.writerow([patient.id, patient.label, patient.has, *numbers])


def _flaws(cohort: CohortWriter, seed: int) -> list[Sent]:
    at = START + timedelta(days=1)
    file = cohort.store("files/ct/flawed.dcm", b"not an image")
    scan: dict[str, Any] = {
        "id": derived_id("synthetic", str(seed), "flawed"),
        "patient": "syn-flawed",
        "occurred_at": instant(at),
        "study": "flawed",
        "series": "flawed",
        "kind": "CT",
        "files": [file | {"media_type": "application/dicom", "sha256": "0" * 64}],
    }
    nobody = {
        "resourceType": "Observation",
        "id": "nobody",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "effectiveDateTime": instant(at),
        **quantity(13.1, "g/dL"),
    }
    return [
        Sent(OBSERVATION_TOPIC, '{"resourceType": "Observation", "id": ', at, None),
        Sent(OBSERVATION_TOPIC, nobody, at, "nobody"),
        Sent(IMAGING_TOPIC, scan, at, None),
    ]
