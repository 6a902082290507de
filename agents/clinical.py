"""clinical: FHIR in, evidence out. Stateless."""

from agents.intake import listen
from model.intake.clinical import ClinicalRules, read_observation
from model.intake.documents import NoteEncoder
from schemas.message import Message, Reading
from streams.app import BatchApp
from streams.parts import Parts
from streams.step import Step


def register(app: BatchApp, parts: Parts, notes: NoteEncoder | None) -> Step:
    """Listen to FHIR messages for as long as the worker lives; `notes` reads the texts of documents."""
    settings = parts.settings
    rules = ClinicalRules(
        fhir_version=settings.input.fhir_version,
        patient_system=settings.input.patient_system,
        max_bytes=settings.input.max_bytes,
        notes=notes,
    )

    def read(message: Message) -> Reading:
        return read_observation(message, rules)

    return listen(app, parts, role="clinical", topic=parts.topics.observations, read=read)
