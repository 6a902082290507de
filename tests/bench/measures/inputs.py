"""Events that senders send, as many as wanted and all of them good: each patient has several, far apart."""

import hashlib
from base64 import b64encode
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_json

from model.cohorts import resources as fhir
from model.cohorts.synthetic_event import START
from model.cohorts.synthetic_genome import genomic_events
from model.cohorts.synthetic_patients import draw_patients

SPACE, WIDTH, ROWS = "uni-512", 512, 64
_LABS = (("718-7", "g/dL", 13.0), ("2951-2", "mmol/L", 139.0), ("1751-7", "g/dL", 4.0), ("2039-6", "ng/mL", 9.0))
_TEMPLATES = 64


def observation(patient: str, number: int) -> bytes:
    """The patient's observation of that number."""
    loinc, unit, mean = _LABS[number % len(_LABS)]
    value = fhir.quantity(round(mean * (0.8 + 0.01 * (number % 40)), 3), unit)
    at = START + timedelta(hours=number)
    return to_json(fhir.observation(f"{patient}-o{number}", patient, (fhir.LOINC, loinc), value, at))


def panel(patient: str, number: int) -> bytes:
    """A sequencing event with a panel's VCF inline."""
    template = _panels()[number % _TEMPLATES]
    return to_json(template | {"patient": patient, "specimen": f"{patient}-s{number}", "id": f"{patient}-g{number}"})


def bag(patient: str, number: int, folder: Path) -> bytes:
    """An imaging event that points to an .npz of ROWS features in the space `uni-512`."""
    file = _bags(folder)[number % _TEMPLATES]
    event = {"study": f"{patient}-1", "series": f"{patient}-1.{number}", "kind": "SM", "status": "available"}
    return to_json(
        event | {"id": f"{patient}-i{number}", "patient": patient, "occurred_at": fhir.instant(START), "files": [file]}
    )


@cache
def _panels() -> list[dict[str, Any]]:
    found = []
    for patient in draw_patients(_TEMPLATES, seed=7):
        sent = genomic_events(patient, seed=7)[0]
        content = b64encode(sent.files[0].content).decode()
        found.append({**sent.value, "files": [{"media_type": "text/x-vcf", "inline": content}]})
    return found


@cache
def _bags(folder: Path) -> list[dict[str, Any]]:
    rng = np.random.default_rng(7)
    found = []
    for number in range(_TEMPLATES):
        path = folder / f"bag-{number}.npz"
        np.savez(path, features=rng.standard_normal((ROWS, WIDTH), dtype=np.float32))
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        kind = {"media_type": "application/x-npz", "encoder": SPACE}
        found.append({"url": path.as_uri(), "bytes": len(content), "sha256": digest, **kind})
    return found


_batch = count()


def cohort() -> str:
    """A prefix of patient ids that nothing before has used."""
    return f"p{next(_batch)}"
