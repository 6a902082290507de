"""Records of our own topics, made by the very functions that the roles call: evidence, requests, results."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from agents.asking import evidence_record, outgoing
from agents.wiring import make_parts, model_folder
from measures.inputs import bag, observation, panel
from measures.place import Installation
from model.arrival import load_encoders
from model.intake.clinical import ClinicalRules, read_observation
from model.intake.genomic import read_sequencing
from model.intake.genomic_files import GenomicRules
from model.intake.imaging import read_imaging
from model.intake.imaging_files import ImagingRules
from model.serving import load_predictor
from schemas.evidence import Evidence
from schemas.ids import partition_of
from schemas.message import Message
from schemas.request import Request
from streams.advance import Arrival, advance
from streams.blobs import Blobs
from streams.file_rules import FileRules
from streams.parts import Parts
from streams.publisher import Outgoing
from streams.state import PatientState

_TEMPLATES = 48


def message(topic: str, value: bytes) -> Message:
    """A record as it would have arrived."""
    return Message(topic, 0, 0, None, value, timestamp=datetime.now(UTC))


def evidence_records(place: Installation, patients: Sequence[str]) -> list[Outgoing]:
    """Clinical evidence, a piece a name: the n-th piece of a patient is of its n-th observation."""
    parts, seen, records = make_parts(place.settings), dict.fromkeys(patients, 0), []
    for patient in patients:
        cause = message(parts.topics.observations, observation(patient, seen[patient]))
        seen[patient] += 1
        for piece in read_observation(cause, ClinicalRules()).evidence:
            records.append(evidence_record(piece, parts, "clinical", cause, datetime.now(UTC)))
    return records


def request_records(place: Installation, patients: Sequence[str]) -> list[Outgoing]:
    """A request a patient: a third with all three modalities, a third without genomic, a third without imaging."""
    parts = make_parts(place.settings)
    templates = list(_pictures(place))
    return [_asked(patient, templates[number % _TEMPLATES], parts) for number, patient in enumerate(patients)]


def result_records(place: Installation, patients: Sequence[str]) -> list[Outgoing]:
    """A result a name; their content repeats after some, the patients do not."""
    parts = make_parts(place.settings)
    predictor = load_predictor(model_folder(place.settings))
    asked = request_records(place, [f"t{number}" for number in range(_TEMPLATES)])
    requests = [Request.model_validate_json(record.value or b"") for record in asked]
    wanted = [(number, modality) for number, each in enumerate(requests) for modality in predictor.present(each)]
    made = dict(zip(wanted, predictor.encode(requests, wanted), strict=True))
    given = [
        {modality: made[number, modality] for modality in predictor.present(each)}
        for number, each in enumerate(requests)
    ]
    results = predictor.predict(requests, given)
    records = []
    for number, patient in enumerate(patients):
        value = results[number % _TEMPLATES].model_copy(update={"patient": patient}).to_json()
        partition = partition_of(patient, parts.settings.kafka.partitions)
        records.append(Outgoing(parts.topics.results, patient.encode(), value, partition))
    return records


def _asked(patient: str, pieces: Sequence[Evidence], parts: Parts) -> Outgoing:
    """The request for these pieces as this patient's own: other hashes, so that no memo knows their embeddings."""
    arrivals = []
    for piece in pieces:
        own = hashlib.sha256(f"{patient}/{piece.hash}".encode()).hexdigest()
        mine = piece.model_copy(update={"patient": patient, "hash": own})
        arrivals.append(Arrival(message(parts.topics.evidence, b""), (mine.modality, mine.source), mine))
    now = datetime.now(UTC)
    step = advance(PatientState(patient), arrivals, parts.policy, now)
    return outgoing(step, parts, now)[-1]


def _pictures(place: Installation) -> Iterator[list[Evidence]]:
    imaging, genomic = load_encoders(model_folder(place.settings), place.settings.places.backbones)
    files = Blobs(FileRules((place.folder,), (), (), 10**9))
    for number in range(_TEMPLATES):
        pieces: list[Evidence] = []
        for visit in range(4):
            pieces += read_observation(message("o", observation("t", visit)), ClinicalRules()).evidence
        if number % 3 != 1:
            pieces += read_sequencing(message("g", panel("t", number)), files, genomic, GenomicRules()).evidence
        if number % 3 != 2:
            event = message("i", bag("t", number, place.folder))
            pieces += read_imaging(event, files, imaging, ImagingRules()).evidence
        yield pieces
