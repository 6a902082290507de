"""HANCOCK (763 head-and-neck cancer patients, ankilab/HANCOCK_MultimodalDataset) as a cohort folder.

Its tables number their categories without naming them, so categories stay codes of the cohort's own system
(`pT_stage-5`); dates are not published, so everything is observed at `ANCHOR`.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.cohorts import resources as fhir
from model.cohorts.folder import IMAGING_TOPIC, OBSERVATION_TOPIC, CohortCard, Outcome, SurvivalTime, Tasks
from model.cohorts.folder_writer import CohortWriter
from model.cohorts.hancock_codes import BINARY, BLOOD, CATEGORIES, DENSITIES, ROOT, STAINS, WIDTH, code_of
from model.cohorts.hancock_table import hancock_table
from schemas.canonical import derived_id
from schemas.errors import Reason, Refused

Row = dict[str, str]
Table = dict[str, Row]


def write_hancock(source: Path, out: Path, with_metastasis: bool) -> None:
    """Write the folder of HANCOCK feature tables at `source` as a cohort folder at `out`.

    `primarily_metastasis` is left out unless `with_metastasis`: figures with and without it are not comparable.
    """
    clinical, targets = _table(source, "clinical"), _table(source, "targets")
    with CohortWriter(out, _card(with_metastasis)) as cohort:
        for name in ("clinical", "blood", "pathological", "icd_codes", "tma_cell_density"):
            for patient, row in _table(source, name).items():
                _write_row(cohort, name, patient, row, with_metastasis)
        for stain in STAINS:
            _write_stain(cohort, source, stain)
        for patient in clinical:
            cohort.outcome(Outcome(patient))
            for time in _survival(patient, targets[patient]):
                cohort.survival(time)


def _card(with_metastasis: bool) -> CohortCard:
    return CohortCard(
        name="hancock",
        source="ankilab/HANCOCK_MultimodalDataset @ 521b99b (features)",
        terms="Apache-2.0 in the repository",
        tasks=Tasks(endpoints=("OS", "RFS", "REC"), horizon_days=3835),
        feature_spaces={f"hancock-tma-{stain}": WIDTH for stain in STAINS},
        table=hancock_table(with_metastasis),
    )


def _table(source: Path, name: str) -> Table:
    path = source / f"{name}.csv"
    if not path.is_file():
        raise Refused(Reason.FILE_MISSING, f"no {path.name}; give the folder of HANCOCK's feature tables")
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["patient_id"]: row for row in csv.DictReader(lines)}


def _write_row(cohort: CohortWriter, table: str, patient: str, row: Row, with_metastasis: bool) -> None:
    readers = {
        "clinical": lambda: _clinical(patient, row, with_metastasis),
        "blood": lambda: _numbers(patient, row, BLOOD),
        "pathological": lambda: _pathology(patient, row),
        "icd_codes": lambda: _conditions(patient, row),
        "tma_cell_density": lambda: _numbers(patient, row, DENSITIES),
    }
    found = list(readers[table]())
    if found:
        bundle = fhir.collection(ROOT, fhir.fhir_id("hancock", patient, table), found, fhir.ANCHOR)
        cohort.event(OBSERVATION_TOPIC, bundle, key=patient)


def _observation(patient: str, code: tuple[str, str], value: fhir.Resource) -> fhir.Resource:
    return fhir.observation(fhir.fhir_id("hancock", patient, code[1]), patient, code, value, fhir.ANCHOR)


def _clinical(patient: str, row: Row, with_metastasis: bool) -> Iterator[fhir.Resource]:
    """Sex is written 0 for male and 1 for female."""
    female = row["sex"] == "1"
    yield fhir.patient(patient, "female" if female else "male")
    yield _observation(patient, (fhir.LOINC, "46098-0"), fhir.answer(fhir.LOINC, "LA3-6" if female else "LA2-8"))
    age = fhir.quantity(float(row["age_at_initial_diagnosis"]), "a")
    yield _observation(patient, (fhir.LOINC, "30525-0"), age)
    yield _category(patient, "smoking_status", row)
    if with_metastasis and row["primarily_metastasis"]:
        present = fhir.presence(float(row["primarily_metastasis"]) == 1)
        yield _observation(patient, code_of("primarily_metastasis"), present)


def _numbers(patient: str, row: Row, columns: dict[str, tuple[str, str, str]]) -> Iterator[fhir.Resource]:
    """The tables hold float32 written in decimal; four places give back what the laboratory wrote."""
    for column, (system, code, unit) in columns.items():
        if row[column]:
            yield _observation(patient, (system, code), fhir.quantity(round(float(row[column]), 4), unit))


def _pathology(patient: str, row: Row) -> Iterator[fhir.Resource]:
    for column in BINARY:
        if row[column]:
            yield _observation(patient, code_of(column), fhir.presence(float(row[column]) == 1))
    for column in CATEGORIES:
        if row[column]:
            yield _category(patient, column, row)
    if row["number_of_positive_lymph_nodes"]:
        nodes = fhir.quantity(float(row["number_of_positive_lymph_nodes"]), "1")
        yield _observation(patient, code_of("number_of_positive_lymph_nodes"), nodes)
    if row["infiltration_depth_in_mm"]:
        depth = fhir.quantity(float(row["infiltration_depth_in_mm"]), "mm")
        yield _observation(patient, code_of("infiltration_depth_in_mm"), depth)


def _category(patient: str, column: str, row: Row) -> fhir.Resource:
    value = f"{column}-{int(float(row[column]))}"
    return _observation(patient, code_of(column), fhir.answer(ROOT, value))


def _conditions(patient: str, row: Row) -> Iterator[fhir.Resource]:
    """Columns are ICD-10 codes without their dot (`c321`), cells how often one was written down."""
    for column, count in row.items():
        if column != "patient_id" and int(count) > 0:
            icd10 = f"{column[:3]}.{column[3:]}".upper()
            yield fhir.condition(fhir.fhir_id("hancock", patient, column), patient, icd10, fhir.ANCHOR)


def _write_stain(cohort: CohortWriter, source: Path, stain: str) -> None:
    """One bag (1, 512) a patient: the published features are already a mean over the patient's cores."""
    path = source / f"tma_tile_dtr_256_{stain}.npz"
    if not path.is_file():
        raise Refused(Reason.FILE_MISSING, f"no {path.name}; give the folder of HANCOCK's feature tables")
    with np.load(path, allow_pickle=False) as features:
        for patient in sorted(features.files):
            content = _bag(features[patient].reshape(1, WIDTH))
            file = cohort.store(f"files/{stain}/{patient}.npz", content)
            cohort.event(IMAGING_TOPIC, _imaging(patient, stain, file), key=patient)


def _bag(features: NDArray[np.float32]) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, features=features)
    return packed.getvalue()


def _imaging(patient: str, stain: str, file: fhir.Resource) -> fhir.Resource:
    return {
        "id": derived_id("hancock", patient, stain),
        "patient": patient,
        "occurred_at": fhir.instant(fhir.ANCHOR),
        "study": f"hancock-{patient}-tma",
        "series": f"hancock-{patient}-tma-{stain}",
        "kind": "SM",
        "files": [file | {"media_type": "application/x-npz", "encoder": f"hancock-tma-{stain}"}],
    }


def _survival(patient: str, row: Row) -> Iterator[SurvivalTime]:
    """Overall survival, recurrence-free survival, and recurrence (in which a death before it is censoring).

    RFS is counted from the first treatment: ten patients had their event found before it, which is day 0 here.
    """
    last = float(row["days_to_last_information"])
    recurred = row["recurrence"] == "yes"
    free = max(0.0, float(row["days_to_rfs_event"]))
    yield SurvivalTime(patient, "OS", last, row["survival_status"] == "deceased")
    yield SurvivalTime(patient, "RFS", free, row["rfs_event"] == "1")
    yield SurvivalTime(patient, "REC", float(row["days_to_recurrence"]) if recurred else last, recurred)
