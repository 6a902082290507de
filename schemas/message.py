"""One record of a topic as it arrived, and what reading it gives."""

from dataclasses import dataclass, field
from datetime import datetime

from schemas.evidence import Evidence, Origin


@dataclass(frozen=True)
class Message:
    """A Kafka record, or a line of a cohort folder: bytes, headers, and where it came from."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: datetime = field(kw_only=True)

    @property
    def origin(self) -> Origin:
        """Where this record can be found again."""
        return Origin(topic=self.topic, partition=self.partition, offset=self.offset)

    def header(self, name: str) -> str | None:
        """The last header of that name as text, or None where there is none; Kafka may bring one without a value."""
        found = [value for key, value in self.headers if key == name and value is not None]
        return found[-1].decode("utf-8", "replace") if found else None


@dataclass(frozen=True)
class Reading:
    """What one message says: evidence, and the names of resource types that were passed over."""

    evidence: tuple[Evidence, ...]
    skipped: tuple[str, ...] = ()
