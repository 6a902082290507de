"""Who the synthetic patients are: a hidden class, latent factors that each modality shows in part, and a fate.

The clinical factor tells {luad, lusc} from {sclc, benign}, the imaging factor {luad, sclc} from {lusc, benign};
the genomic ones show both, faintly. So no modality alone knows the class, and together they nearly do.
Severity is felt by all three, which is what an imputer has to go on.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LABELS = ("luad", "lusc", "sclc", "benign")
TREATMENTS = ("platinum", "tki", "checkpoint-inhibitor")
ENDPOINTS = ("OS", "RFS")
SITES = ("north", "south", "east")
HORIZON_DAYS = 1827

_PRIOR = (0.3, 0.25, 0.2, 0.25)
_AXES = {"luad": (1.0, 1.0), "lusc": (1.0, -1.0), "sclc": (-1.0, 1.0), "benign": (-1.0, -1.0)}
_HAZARD = {"luad": 0.0, "lusc": 0.3, "sclc": 1.1, "benign": -2.2}
_RESPONSE = {"luad": (-0.3, 1.2, 0.0), "lusc": (0.2, -1.5, 0.8), "sclc": (1.4, -2.0, -0.4), "benign": (0.0, 0.0, 0.0)}
_PATTERNS = ("cig", "cig", "cig", "ci", "cg", "ig", "c", "i", "g")
"""A third of the patients has all three modalities, a third two, a third one."""


class Fate(NamedTuple):
    """Death or its censoring, and relapse or death or its censoring."""

    os_days: float
    died: bool
    rfs_days: float
    relapsed: bool


@dataclass(frozen=True)
class SyntheticPatient:
    """One patient: what is true, and which modalities the hospital has sent."""

    id: str
    label: str
    site: str
    age: int
    female: bool
    smoking: int
    """0 never, 1 former, 2 current."""
    clinical: float
    imaging: float
    genomic: tuple[float, float]
    severity: float
    has: str
    """Letters of the modalities sent: `c`, `i`, `g`."""
    day: int
    """Days from the start of the cohort to the patient's first event."""
    treatment: str
    responded: bool | None
    response_probability: tuple[float, ...]
    """Of each of `TREATMENTS`, also of those not given."""
    fate: Fate


def draw_patients(patients: int, seed: int) -> tuple[SyntheticPatient, ...]:
    """Draw the cohort: the same seed gives the same patients, and a longer cohort begins with the shorter one."""
    drawn = []
    for block in range(0, patients, len(_PATTERNS)):
        order = _generator(seed, "pattern", block).permutation(len(_PATTERNS))
        for place in range(min(len(_PATTERNS), patients - block)):
            drawn.append(_draw(block + place, seed, _PATTERNS[order[place]]))
    return tuple(drawn)


def patient_generator(seed: int, patient: str, purpose: str) -> np.random.Generator:
    """A generator of its own for each patient and purpose, so that one file does not move another."""
    return _generator(seed, f"{purpose}:{patient}", 0)


def _generator(seed: int, purpose: str, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, number, *purpose.encode()])


def _draw(number: int, seed: int, has: str) -> SyntheticPatient:
    rng = _generator(seed, "patient", number)
    label = str(rng.choice(LABELS, p=_PRIOR))
    first, second = _AXES[label]
    clinical, imaging = first + rng.normal(0, 0.7), second + rng.normal(0, 0.7)
    genomic = (0.7 * first + rng.normal(0, 1), 0.7 * second + rng.normal(0, 1))
    severity = float(rng.normal())
    probability = tuple(float(1 / (1 + np.exp(0.5 * severity - logit))) for logit in _RESPONSE[label])
    arm = int(rng.integers(len(TREATMENTS)))
    treated = label != "benign"
    responded = bool(rng.random() < probability[arm])
    fate = _fate(rng, _HAZARD[label] + 0.7 * severity - (0.8 if treated and responded else 0.0))
    return SyntheticPatient(
        id=f"syn-{number + 1:04d}",
        label=label,
        site=SITES[int(rng.integers(len(SITES)))],
        age=int(np.clip(rng.normal(65 + 2 * severity, 9), 30, 95)),
        female=bool(rng.random() < 0.45),
        smoking=int(rng.choice(3, p=(0.2, 0.35, 0.45) if first > 0 else (0.45, 0.35, 0.2))),
        clinical=float(clinical),
        imaging=float(imaging),
        genomic=(float(genomic[0]), float(genomic[1])),
        severity=severity,
        has=has,
        day=int(rng.integers(0, 300)),
        treatment=TREATMENTS[arm] if treated else "",
        responded=responded if treated else None,
        response_probability=probability,
        fate=fate,
    )


def _fate(rng: np.random.Generator, log_hazard: float) -> Fate:
    """Weibull death and relapse against uniform censoring."""
    death = 900.0 * np.exp(-log_hazard / 1.3) * rng.weibull(1.3)
    relapse = 0.7 * 900.0 * np.exp(-log_hazard / 1.3) * rng.weibull(1.3)
    end = rng.uniform(200, HORIZON_DAYS)
    first = min(death, relapse)
    days = [max(1.0, round(float(min(moment, end)))) for moment in (death, first)]
    return Fate(days[0], bool(death <= end), days[1], bool(first <= end))
