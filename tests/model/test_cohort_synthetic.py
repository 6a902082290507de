import csv
import hashlib
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pydicom
import pytest
from fhir.resources.R4B import get_fhir_model_class

from model.cohorts.folder import read_card, read_events, read_outcomes, read_survival
from model.cohorts.synthetic import write_synthetic
from model.cohorts.synthetic_patients import LABELS, SyntheticPatient, draw_patients
from schemas.events import FileRef, ImagingEvent, SequencingEvent

PATIENTS = 63


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "cohort"
    write_synthetic(out, PATIENTS, seed=11)
    return out


def _values(folder: Path, topic: str, name: str = "events.ndjson") -> list[dict[str, Any]]:
    return [json.loads(event.value or b"") for event in read_events(folder, name=name) if event.topic == topic]


def _resources(folder: Path) -> list[dict[str, Any]]:
    values = _values(folder, "fhir.observations")
    return [entry["resource"] for value in values for entry in value.get("entry", [{"resource": value}])]


def _digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_synthetic(tmp_path / name, 12, seed)
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")
    assert _digest(tmp_path / "a") != _digest(tmp_path / "c")


def test_a_third_has_every_modality_and_everyone_has_one(folder: Path) -> None:
    sent: dict[str, set[str]] = {}
    for resource in _resources(folder):
        subject = resource.get("subject", {}).get("reference", f"Patient/{resource['id']}")
        sent.setdefault(subject.removeprefix("Patient/"), set()).add("clinical")
    for topic in ("imaging.events", "sequencing.events"):
        for value in _values(folder, topic):
            sent.setdefault(value["patient"], set()).add(topic)
    assert len(sent) == PATIENTS
    assert Counter(len(modalities) for modalities in sent.values()) == {1: 21, 2: 21, 3: 21}


def test_every_record_is_valid(folder: Path) -> None:
    for resource in _values(folder, "fhir.observations"):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    for name in ("events.ndjson", "withheld.ndjson"):
        scans = [ImagingEvent.model_validate(value) for value in _values(folder, "imaging.events", name)]
        assays = [SequencingEvent.model_validate(value) for value in _values(folder, "sequencing.events", name)]
        files: list[FileRef] = [file for scan in scans for file in scan.files]
        files += [file for assay in assays for file in assay.files]
        for file in files:
            content = Path(unquote(urlsplit(file.url or "").path)).read_bytes()
            assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_tables_name_every_patient(folder: Path) -> None:
    everyone = {patient.id for patient in draw_patients(PATIENTS, seed=11)}
    assert {row.patient for row in read_outcomes(folder)} == everyone
    assert Counter(row.endpoint for row in read_survival(folder)) == {"OS": PATIENTS, "RFS": PATIENTS}
    assert read_card(folder).tasks.diagnosis == LABELS
    times = {(row.patient, row.endpoint): row for row in read_survival(folder)}
    assert all(times[patient, "RFS"].time_days <= times[patient, "OS"].time_days for patient in everyone)


def _accuracy(patients: tuple[SyntheticPatient, ...], columns: list[int]) -> float:
    """Nearest centroid on some of the latent factors; fitted on one half, counted on the other."""
    factors = np.array([(patient.clinical, patient.imaging, *patient.genomic) for patient in patients])[:, columns]
    labels = np.array([LABELS.index(patient.label) for patient in patients])
    half = len(patients) // 2
    centres = np.array([factors[:half][labels[:half] == label].mean(0) for label in range(len(LABELS))])
    nearest = np.linalg.norm(factors[half:, None] - centres[None], axis=-1).argmin(1)
    return float((nearest == labels[half:]).mean())


def test_fusion_knows_the_class_and_no_single_modality_does() -> None:
    patients = draw_patients(2000, seed=3)
    alone = [_accuracy(patients, columns) for columns in ([0], [1], [2, 3])]
    assert all(0.4 < accuracy < 0.65 for accuracy in alone)
    assert _accuracy(patients, [0, 1, 2, 3]) > max(alone) + 0.2


def _truth(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "truth.csv").open(newline="") as lines:
        return {row["patient"]: row for row in csv.DictReader(lines)}


def test_laboratory_values_show_the_clinical_factor_in_whatever_unit(folder: Path) -> None:
    factors = {"U/L": 1.0, "U/mL": 1000.0}
    found = [
        (resource["valueQuantity"], resource["subject"]["reference"].removeprefix("Patient/"))
        for resource in _resources(folder)
        if resource["resourceType"] == "Observation"
        and resource["code"]["coding"][0]["code"] == "2532-0"
        and "valueQuantity" in resource
    ]
    truth = _truth(folder)
    values = [value["value"] * factors[value["code"]] for value, _ in found]
    shown = [0.6 * float(truth[patient]["severity"]) - 0.6 * float(truth[patient]["clinical"]) for _, patient in found]
    assert {value["code"] for value, _ in found} == {"U/L", "U/mL"}
    assert np.corrcoef(values, shown)[0, 1] > 0.7


def _middle_slice(url: str) -> pydicom.Dataset:
    path = Path(unquote(urlsplit(url).path))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            return pydicom.dcmread(io.BytesIO(packed.read(sorted(packed.namelist())[1])))
    return pydicom.dcmread(path)


def test_the_lesion_is_rough_where_the_imaging_factor_is_high(folder: Path) -> None:
    truth, rough, shown = _truth(folder), [], []
    for value in _values(folder, "imaging.events"):
        image = _middle_slice(value["files"][len(value["files"]) // 2]["url"])
        assert (image.PatientID, image.Rows) == (value["patient"], 64)
        lung = image.pixel_array[12:52, 12:52].astype(float) + float(image.RescaleIntercept)
        rough.append(lung[lung > -500].std())
        shown.append(float(truth[value["patient"]]["imaging"]))
    assert len(shown) > 30
    assert np.corrcoef(rough, shown)[0, 1] > 0.7


def test_imperfections_are_there_and_flaws_only_when_asked_for(folder: Path, tmp_path: Path) -> None:
    statuses = Counter(resource.get("status") for resource in _resources(folder))
    assert statuses["amended"] >= 1
    assert statuses["entered-in-error"] >= 1
    keys = {event.key is None for event in read_events(folder)}
    assert keys == {True, False}
    write_synthetic(tmp_path / "flawed", 6, seed=2, flawed=True)
    write_synthetic(tmp_path / "sound", 6, seed=2)
    flawed, sound = (len(list(read_events(tmp_path / name))) for name in ("flawed", "sound"))
    assert flawed == sound + 3
