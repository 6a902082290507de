"""A small cohort as a hospital would send it: corrections, withdrawals, duplicates, bad messages, any key."""

import base64
import gzip
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.topics import Topics

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VCF = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tTUMOR\n"
LABS = ("718-7", "2532-0", "1988-5", "29463-7", "2951-2")
UNITS = {"718-7": "g/dL", "2532-0": "U/L", "1988-5": "mg/L", "29463-7": "kg", "2951-2": "mmol/L"}


@dataclass(frozen=True)
class Sent:
    """One input record; `topic` is a field of `Topics`."""

    topic: str
    key: bytes | None
    value: bytes | None

    def topic_in(self, topics: Topics) -> str:
        name: str = getattr(topics, self.topic)
        return name


def observation(patient: str, source: str, value: float, *, key: bytes | None = None, **changes: Any) -> Sent:
    """A laboratory value; `changes` replace fields of the resource."""
    code = changes.pop("loinc", "718-7")
    resource = {
        "resourceType": "Observation",
        "id": source,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": NOON.isoformat(),
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": UNITS[code]},
    } | changes
    return Sent("observations", key, json.dumps(resource).encode())


def sequencing(patient: str, specimen: str, variants: str, *, key: bytes | None = None, **changes: Any) -> Sent:
    """An assay with its VCF inline; `variants` are lines without the header."""
    content = base64.b64encode((VCF + variants).encode()).decode()
    event = {
        "id": f"{patient}-{specimen}",
        "patient": patient,
        "occurred_at": NOON.isoformat(),
        "specimen": specimen,
        "assay": "panel",
        "files": [{"media_type": "text/x-vcf", "inline": content}],
    } | changes
    return Sent("sequencing", key, json.dumps(event).encode())


def slow_sequencing(patient: str, lines: int) -> Sent:
    """A compressed VCF that takes seconds to read; all of them go to one partition."""
    text = VCF + "".join(variant(f"G{number}", 1 + number % 60, position=1000 + number) for number in range(lines))
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return sequencing(patient, "slow", "", key=b"slow", files=[{"media_type": "text/x-vcf", "inline": packed}])


def variant(gene: str, reads: int, position: int = 25398284) -> str:
    """One line of a VCF."""
    return f"12\t{position}\t.\tC\tT\t.\tPASS\tGENE={gene}\tGT:AD\t0/1:{100 - reads},{reads}\n"


def events_of(patient: str, rng: random.Random) -> list[Sent]:
    """About nine events of one patient, in the order of time."""
    at = NOON + timedelta(hours=rng.randrange(1000))
    sent = []
    for number, loinc in enumerate(LABS):
        when = (at + timedelta(minutes=number)).isoformat()
        sent.append(_lab(patient, loinc, rng, when))
    when = (at + timedelta(hours=1)).isoformat()
    if rng.random() < 0.8:
        sent.append(sequencing(patient, f"{patient}-s", variant("KRAS", rng.randrange(1, 60)), occurred_at=when))
    if rng.random() < 0.5:
        sent.append(_lab(patient, LABS[0], rng, when, status="corrected", meta={"versionId": "2"}))
    if rng.random() < 0.3:
        sent.append(_lab(patient, LABS[1], rng, when, status="entered-in-error", meta={"versionId": "3"}))
    if rng.random() < 0.2:
        sent.append(sequencing(patient, f"{patient}-t", "a bad line\n", occurred_at=when))
    if rng.random() < 0.2:
        sent.append(Sent("observations", None, b"{no json"))
    if rng.random() < 0.3:
        sent.append(rng.choice(sent))
    return [_keyed(one, patient, rng) for one in sent]


def cohort(patients: int = 48, seed: int = 7) -> list[Sent]:
    """All events, patients interleaved; the same seed gives the same bytes."""
    rng = random.Random(seed)
    open_ = [events_of(f"p-{number:03d}", rng) for number in range(patients)]
    sent = []
    while open_:
        one = rng.choice(open_)
        sent.append(one.pop(0))
        open_ = [each for each in open_ if each]
    return sent


def _lab(patient: str, loinc: str, rng: random.Random, when: str, **changes: Any) -> Sent:
    source, value = f"{patient}-{loinc}", round(rng.uniform(5, 150), 1)
    meta = {"meta": {"versionId": "1"}} | changes
    return observation(patient, source, value, loinc=loinc, effectiveDateTime=when, **meta)


def _keyed(sent: Sent, patient: str, rng: random.Random) -> Sent:
    key = rng.choice((None, patient.encode(), f"Observation/{rng.randrange(9)}".encode()))
    return Sent(sent.topic, key, sent.value)
