"""What a dead letter says about itself, in headers after the original ones (DESIGN §3.7)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import ClassVar, Self

from pydantic import ConfigDict

from schemas.errors import Reason, Refused

PREFIX = "dead_letter_"
"""Of every header that is ours."""


@dataclass(frozen=True)
class DeadLetter:
    """Why a record was set aside, where it came from, and how often it was tried."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)

    reason: Reason
    """One of a closed list."""
    detail: str
    """The remedy; never patient data."""
    topic: str
    """Of the original record."""
    partition: int
    """Of the original record."""
    offset: int
    """Of the original record."""
    step: str
    """The step that refused it."""
    version: str
    """Of the software that refused it."""
    attempts: int
    """How often it was tried."""
    first_failure: datetime
    """When it was first tried."""
    last_failure: datetime
    """When it was last tried."""

    @property
    def id(self) -> str:
        """`topic/partition/offset` of the original record."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def to_headers(self) -> list[tuple[str, bytes]]:
        """One header a field, in the order above, to append after the original headers."""
        return [(PREFIX + field.name, _text(getattr(self, field.name)).encode()) for field in fields(self)]

    @classmethod
    def from_headers(cls, headers: Sequence[tuple[str, bytes]]) -> Self:
        """Read what `to_headers` appended; raise Refused where the headers do not end with it."""
        block = dict(headers[-len(NAMES) :])
        if tuple(name for name, _ in headers[-len(NAMES) :]) != NAMES:
            raise Refused(Reason.NOT_AN_EVENT, f"the last headers are not {PREFIX}*; read from oncology.dead-letters")
        try:
            said = {name.removeprefix(PREFIX): value.decode() for name, value in block.items()}
            return cls(
                reason=Reason(said["reason"]),
                detail=said["detail"],
                topic=said["topic"],
                partition=int(said["partition"]),
                offset=int(said["offset"]),
                step=said["step"],
                version=said["version"],
                attempts=int(said["attempts"]),
                first_failure=datetime.fromisoformat(said["first_failure"]),
                last_failure=datetime.fromisoformat(said["last_failure"]),
            )
        except ValueError:
            raise Refused(
                Reason.NOT_AN_EVENT, f"a {PREFIX}* header has a value that this version does not write; dismiss it"
            ) from None


NAMES = tuple(PREFIX + field.name for field in fields(DeadLetter))
"""The header names, in the order they are written."""


def original_headers(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The headers as they were before `to_headers` was appended, even where they held a dead letter's already."""
    return list(headers[: -len(NAMES)])


def _text(value: str | int | datetime) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
