"""The three intake roles as loops: a message in, its evidence out."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from agents.allowed import file_rules
from agents.asking import evidence_record
from agents.wiring import make_parts, model_folder
from loops.loop import Job
from model.arrival import load_encoders
from model.intake.clinical import ClinicalRules, read_observation
from model.intake.genomic import read_sequencing
from model.intake.genomic_files import GenomicRules
from model.intake.imaging import read_imaging
from model.intake.imaging_files import ImagingRules
from schemas.message import Message, Reading
from streams.blobs import Blobs
from streams.publisher import Outgoing
from streams.settings import Settings

Read = Callable[[Message], Reading]


def clinical(settings: Settings) -> Job:
    """FHIR to evidence."""
    rules = ClinicalRules()
    topic = make_parts(settings).topics.observations
    return _job("clinical", topic, lambda message: read_observation(message, rules), settings, 256)


def imaging(settings: Settings) -> Job:
    """Image files to evidence."""
    files, rules = Blobs(file_rules(settings)), ImagingRules()
    encoder, _ = load_encoders(model_folder(settings), settings.places.backbones)
    topic = make_parts(settings).topics.imaging
    return _job("imaging", topic, lambda message: read_imaging(message, files, encoder, rules), settings, 8)


def genomic(settings: Settings) -> Job:
    """Sequencing files to evidence."""
    files, rules = Blobs(file_rules(settings)), GenomicRules()
    _, encoder = load_encoders(model_folder(settings), settings.places.backbones)
    topic = make_parts(settings).topics.sequencing
    return _job("genomic", topic, lambda message: read_sequencing(message, files, encoder, rules), settings, 8)


def _job(name: str, topic: str, read: Read, settings: Settings, most: int) -> Job:
    parts = make_parts(settings)

    async def work(messages: Sequence[Message]) -> list[Outgoing]:
        now = datetime.now(UTC)
        return [
            evidence_record(piece, parts, name, message, now)
            for message in messages
            for piece in read(message).evidence
        ]

    return Job(name, topic, work, most)
