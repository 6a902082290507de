"""Set a message aside: the original bytes, untouched, and why (DESIGN §3.7)."""

from datetime import datetime

from schemas.dead_letter import DeadLetter
from schemas.errors import Refused
from schemas.message import Message
from streams.publisher import Outgoing


class DeadLetters:
    """Makes dead letters for one installation."""

    def __init__(self, topic: str, version: str) -> None:
        self._topic = topic
        self.version = version

    def letter(self, message: Message, refused: Refused, *, step: str, now: datetime) -> Outgoing:
        """The record that keeps `message` with the reason why `step` refused it."""
        letter = DeadLetter(
            reason=refused.reason,
            detail=refused.detail,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            step=step,
            version=self.version,
            attempts=1,
            first_failure=now,
            last_failure=now,
        )
        headers = [*message.headers, *letter.to_headers()]
        key = b"" if message.key is message.value is None else message.key  # our client sends no record without both
        return Outgoing(self._topic, key, message.value, None, headers)
