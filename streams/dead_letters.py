"""Set a message aside: the original bytes, untouched, and why (DESIGN §3.7)."""

from datetime import datetime

from schemas.dead_letter import DeadLetter
from schemas.errors import Refused
from schemas.message import Message
from streams.publisher import Outgoing
from streams.topics import LARGEST_RECORD

_LARGEST_KEPT = LARGEST_RECORD - 1024 * 1024
"""Bytes of a message that a letter keeps: it says more than the message. A sender's may be larger: Kafka bounds what is
compressed, and it comes to us unpacked."""
_NOT_KEPT = "too large to be kept here: see where it came from"


class DeadLetters:
    """Makes dead letters for one installation."""

    def __init__(self, topic: str, version: str) -> None:
        self._topic = topic
        self.version = version

    def letter(self, message: Message, refused: Refused, *, step: str, now: datetime) -> Outgoing:
        """The record that keeps `message` with the reason why `step` refused it."""
        kept = _size(message) <= _LARGEST_KEPT
        letter = DeadLetter(
            reason=refused.reason,
            detail=refused.detail if kept else f"{refused.detail}; {_NOT_KEPT}",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            step=step,
            version=self.version,
            attempts=1,
            first_failure=now,
            last_failure=now,
        )
        if not kept:
            return Outgoing(self._topic, b"", None, None, letter.to_headers())
        headers = [*message.headers, *letter.to_headers()]
        key = b"" if message.key is message.value is None else message.key  # our client sends no record without both
        return Outgoing(self._topic, key, message.value, None, headers)


def keeps_message(letter: DeadLetter) -> bool:
    """Whether the letter's record is the message; else it says alone where that came from."""
    return not letter.detail.endswith(_NOT_KEPT)


def _size(message: Message) -> int:
    headers = sum(len(name.encode()) + len(value or b"") for name, value in message.headers)
    return len(message.key or b"") + len(message.value or b"") + headers
