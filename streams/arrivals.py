"""Read a record of `oncology.evidence`."""

from pydantic import ValidationError

from schemas.errors import Reason, Refused
from schemas.evidence import Evidence, Modality
from schemas.ids import partition_of
from schemas.message import Message
from streams.advance import Arrival


def arrival_of(message: Message, partitions: int) -> tuple[str, Arrival]:
    """The patient and the piece that a record brings; raise `Refused` where it is none of ours."""
    if message.value is None:
        return _erasure(message, partitions)
    try:
        piece = Evidence.model_validate_json(message.value)
    except ValidationError as error:
        named = {str(part["loc"][0]) if part["loc"] else "value" for part in error.errors(include_input=False)}
        ours = {name if name in {*Evidence.model_fields, "value"} else "a field unknown here" for name in named}
        raise Refused(
            Reason.NOT_AN_EVENT,
            f"not evidence (see {', '.join(sorted(ours))}); only oncostream's roles may write this topic",
        ) from None
    if partition_of(piece.patient, partitions) != message.partition:
        raise Refused(
            Reason.KEY_MISMATCH,
            "the patient belongs to another partition; the number of partitions changed or another program wrote "
            "this: check ONCOSTREAM_KAFKA_PARTITIONS, which cannot change once there is evidence",
        )
    return piece.patient, Arrival(message, (piece.modality, piece.source), piece)


def _erasure(message: Message, partitions: int) -> tuple[str, Arrival]:
    """A null value erases the source that the key names: `Evidence.key`."""
    escaped, _, rest = (message.key or b"").decode("utf-8", "replace").partition("|")
    modality, _, source = rest.partition("|")
    patient = escaped.replace("%7C", "|").replace("%25", "%")
    known = patient and source and modality in tuple(Modality)
    if known and partition_of(patient, partitions) == message.partition:
        return patient, Arrival(message, (Modality(modality), source), None)
    raise Refused(
        Reason.NOT_AN_EVENT,
        "an erasure whose key is not patient|modality|source, or not in the patient's partition; send it there",
    )
