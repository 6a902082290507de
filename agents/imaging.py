"""imaging: image files by reference in, embeddings out. Stateless; the heavy encoders run here, once a file."""

from agents.intake import listen
from model.intake.imaging import TileEncoder, read_imaging
from model.intake.imaging_files import ImagingRules
from schemas.files import Files
from schemas.message import Message, Reading
from streams.app import BatchApp
from streams.parts import Parts
from streams.step import Step


def register(app: BatchApp, parts: Parts, files: Files, encoder: TileEncoder) -> Step:
    """Listen to imaging events for as long as the worker lives."""
    rules = ImagingRules(patient_issuer=parts.settings.input.patient_system)

    def read(message: Message) -> Reading:
        return read_imaging(message, files, encoder, rules)

    return listen(app, parts, role="imaging", topic=parts.topics.imaging, read=read)
