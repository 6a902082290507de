"""genomic: variants, sequences and gene values in, tokens and embeddings out. Stateless."""

from agents.intake import listen
from model.intake.genomic import GenomicEncoder, read_sequencing
from model.intake.genomic_files import GenomicRules
from schemas.files import Files
from schemas.message import Message, Reading
from streams.app import BatchApp
from streams.parts import Parts
from streams.step import Step


def register(app: BatchApp, parts: Parts, files: Files, encoder: GenomicEncoder) -> Step:
    """Listen to sequencing events for as long as the worker lives."""
    rules = GenomicRules()

    def read(message: Message) -> Reading:
        return read_sequencing(message, files, encoder, rules)

    return listen(app, parts, role="genomic", topic=parts.topics.sequencing, read=read)
