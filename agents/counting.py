"""What counts of a source in `oncology.evidence`, for commands that ask of few sources."""

from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer
from pydantic import ValidationError

from schemas.evidence import Evidence
from schemas.message import Message
from streams.reading import read_to_end


async def counting(
    consumer: AIOKafkaConsumer, topic: str, partitions: Sequence[int], asked: Callable[[bytes], bool]
) -> list[Message]:
    """Of each source the record that counts, where that is one that is asked for.

    What counts may be older in the topic than what is asked for: it is read twice, so that only the sources with such a
    record are kept in mind.
    """
    first = read_to_end(consumer, topic, partitions)
    keys = {message.key async for message in first if message.value is not None and asked(message.value)}
    found: dict[bytes | None, Message] = {}
    async for message in read_to_end(consumer, topic, partitions):
        if message.key not in keys:
            continue
        if message.value is None:
            found.pop(message.key, None)
        elif not _is_older(message.value, found.get(message.key)):
            found[message.key] = message
    return [message for message in found.values() if asked(message.value or b"")]


def _is_older(value: bytes, than: Message | None) -> bool:
    """Whether this loses to what counts so far, as what is no evidence does to all."""
    piece, known = evidence_in(value), evidence_in(than.value or b"") if than else None
    return piece is None or (known is not None and piece.rank < known.rank)


def evidence_in(value: bytes) -> Evidence | None:
    """None where the record is none: assembly has set it aside, and it changes nothing of what counts."""
    try:
        return Evidence.model_validate_json(value)
    except ValidationError:
        return None
