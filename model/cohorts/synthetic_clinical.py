"""The FHIR that a synthetic patient's hospital sends: a visit's Bundle, single results, corrections, withdrawals."""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from model.cohorts import resources as fhir
from model.cohorts.folder import OBSERVATION_TOPIC
from model.cohorts.synthetic_event import START, Sent
from model.cohorts.synthetic_patients import SITES, SyntheticPatient, patient_generator

ROOT = "https://oncostream.org/cohorts/synthetic"

_SMOKING = ("266919005", "8517006", "77176002")
_MISSING_RATE = 0.1


class _Lab(NamedTuple):
    loinc: str
    mean: float
    deviation: float
    on_factor: float
    on_severity: float
    units: tuple[tuple[str, float], ...]
    """UCUM unit of each site and the number of them in one unit of the first."""


_LABS = (
    _Lab("718-7", 13.0, 1.6, 0.5, -0.4, (("g/dL", 1), ("g/L", 10), ("g/dL", 1))),
    _Lab("26464-8", 8.0, 2.2, -0.5, 0.4, (("10*9/L", 1), ("10*3/uL", 1), ("/uL", 1000))),
    _Lab("26515-7", 270.0, 70.0, 0.4, 0.3, (("10*9/L", 1), ("10*3/uL", 1), ("10*9/L", 1))),
    _Lab("2532-0", 230.0, 60.0, -0.6, 0.6, (("U/L", 1), ("U/L", 1), ("U/mL", 0.001))),
    _Lab("1751-7", 4.0, 0.5, 0.3, -0.6, (("g/dL", 1), ("g/L", 10), ("g/L", 10))),
    _Lab("17861-6", 9.4, 0.5, 0.4, 0.2, (("mg/dL", 1), ("mg/dL", 1), ("mg/L", 10))),
    _Lab("1988-5", 20.0, 6.0, 0.0, 0.8, (("mg/L", 1), ("mg/dL", 0.1), ("mg/L", 1))),
    _Lab("2039-6", 9.0, 2.5, 0.7, 0.2, (("ng/mL", 1), ("ug/L", 1), ("ng/mL", 1))),
    _Lab("2951-2", 139.0, 3.0, 0.6, -0.2, (("mmol/L", 1), ("mmol/L", 1), ("mol/L", 0.001))),
    _Lab("29463-7", 74.0, 13.0, 0.2, -0.5, (("kg", 1), ("kg", 1), ("g", 1000))),
)


def clinical_events(patient: SyntheticPatient, seed: int) -> list[Sent]:
    """All that the hospital would send of this patient's records, imperfections included."""
    rng = patient_generator(seed, patient.id, "clinical")
    visit = START + timedelta(days=patient.day, hours=8)
    labs = [lab for lab in _LABS if rng.random() >= _MISSING_RATE]
    results = [_result(patient, lab, rng, visit) for lab in labs]
    single = [result for result in results if rng.random() < 0.2]
    batched = [result for result in results if result not in single]
    bundle = fhir.collection(ROOT, f"{patient.id}-visit", [*_history(patient, visit), *batched], visit)
    sent = [Sent(OBSERVATION_TOPIC, bundle, visit, None)]
    sent += [Sent(OBSERVATION_TOPIC, result, visit + timedelta(hours=1), result["id"]) for result in single]
    return sent + _imperfections(patient, results, rng)


def _history(patient: SyntheticPatient, at: datetime) -> list[fhir.Resource]:
    smoking = fhir.answer(fhir.SNOMED, _SMOKING[patient.smoking])
    age = fhir.quantity(patient.age, "a")
    return [
        fhir.patient(patient.id, "female" if patient.female else "male"),
        fhir.observation(f"{patient.id}-age", patient.id, (fhir.LOINC, "30525-0"), age, at),
        fhir.observation(f"{patient.id}-smoking", patient.id, (fhir.LOINC, "72166-2"), smoking, at),
    ]


def _result(patient: SyntheticPatient, lab: _Lab, rng: np.random.Generator, at: datetime) -> fhir.Resource:
    shown = lab.on_factor * patient.clinical + lab.on_severity * patient.severity + rng.normal(0, 0.5)
    unit, factor = lab.units[SITES.index(patient.site)]
    number = max(0.1 * lab.mean, lab.mean + lab.deviation * shown) * factor
    value = fhir.quantity(float(f"{number:.4g}"), unit)
    if rng.random() < 0.02:
        value = fhir.absent("error")
    return fhir.observation(f"{patient.id}-{lab.loinc}", patient.id, (fhir.LOINC, lab.loinc), value, at)


def _imperfections(patient: SyntheticPatient, results: list[fhir.Resource], rng: np.random.Generator) -> list[Sent]:
    """Of some patients: a corrected result, one that was another patient's and is withdrawn, one sent twice."""
    sent: list[Sent] = []
    later = START + timedelta(days=patient.day + 3)
    if rng.random() < 0.1 and results and "valueQuantity" in results[0]:
        quantity = results[0]["valueQuantity"]
        raised = quantity | {"value": round(quantity["value"] * 1.02, 4)}
        better = results[0] | {"status": "amended", "valueQuantity": raised}
        sent.append(Sent(OBSERVATION_TOPIC, fhir.versioned(better, 2), later, patient.id))
    if rng.random() < 0.07:
        glucose = fhir.quantity(987.0, "mg/dL")
        wrong = fhir.observation(f"{patient.id}-wrong", patient.id, (fhir.LOINC, "2345-7"), glucose, later)
        withdrawn = fhir.versioned(wrong | {"status": "entered-in-error"}, 2)
        sent.append(Sent(OBSERVATION_TOPIC, fhir.versioned(wrong, 1), later, wrong["id"]))
        sent.append(Sent(OBSERVATION_TOPIC, withdrawn, later + timedelta(days=1), wrong["id"]))
    if rng.random() < 0.05 and results:
        sent.append(Sent(OBSERVATION_TOPIC, results[-1], later, None))
    return sent
