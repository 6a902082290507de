"""One piece of evidence about one patient, and the order in which versions of it win (DESIGN §3.2, §3.3)."""

import base64
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.canonical import content_hash
from schemas.record import Instant, Record
from schemas.tokens import ObservationToken, Token, VariantToken


class Modality(StrEnum):
    """What kind of look at the patient this is. A new encoder adds a member."""

    CLINICAL = "clinical"
    IMAGING = "imaging"
    GENOMIC = "genomic"


TIMELESS = "timeless"
"""Flag of evidence that has no time of its own (who the patient is): never stale, never the newest."""


class EvidenceStatus(StrEnum):
    """Whether a source counts: `current`, taken back by its sender, or there but not to be read."""

    UNREADABLE = "unreadable"
    CURRENT = "current"
    WITHDRAWN = "withdrawn"


_STATUS_RANK = {EvidenceStatus.UNREADABLE: 0, EvidenceStatus.CURRENT: 1, EvidenceStatus.WITHDRAWN: 2}


class Origin(Record):
    """The input record this was read from."""

    topic: str
    """Kafka topic."""
    partition: int
    """Its partition."""
    offset: int
    """The record's offset there."""


class Vector(Record):
    """A partial modality embedding made when the file arrived: float32, little endian, base64."""

    encoder: str
    """Encoder id, e.g. `imaging/cnn` or `imaging/bag:uni-512`."""
    weights: str
    """SHA-256 of that encoder's weights."""
    data: str
    """The numbers: float32, little endian, in base64."""

    @classmethod
    def pack(cls, encoder: str, weights: str, values: NDArray[np.float32]) -> Self:
        """Pack (D,) float32 values."""
        return cls(
            encoder=encoder, weights=weights, data=base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")
        )

    def unpack(self) -> NDArray[np.float32]:
        """Give back the (D,) float32 values."""
        return np.frombuffer(base64.b64decode(self.data), dtype="<f4")


class Evidence(Record):
    """What one source says of one patient, at one version."""

    patient: str
    """Id, as in the events."""
    modality: Modality
    """What kind of look at the patient it is."""
    source: str
    """What the sender can later correct or withdraw: `Observation/123`, a series, `specimen:assay`."""
    version: str
    """Sortable text (`schemas.versions`): FHIR versionId over lastUpdated over event time."""
    occurred_at: Instant
    """Event time: when the patient was looked at."""
    status: EvidenceStatus = EvidenceStatus.CURRENT
    """Whether it counts."""
    flags: tuple[str, ...] = ()
    """What is to be known of it: `timeless`, `truncated` and `text-cut` (read in part), `kind-CT` and others."""
    tokens: tuple[Annotated[Token, Field(union_mode="left_to_right")], ...] = ()
    """The two kinds share no required field: the first that fits is the only one."""
    vectors: tuple[Vector, ...] = ()
    """Most often one; a sequencing event with sequences and gene values has one of each encoder."""
    origin: Origin
    """Where the record lies that it was read from."""
    reread: int = 0
    """How often its event was sent again for another encoder: of one version, the last reading counts."""
    hash: str
    """Of all but the origin and the number of readings, so that a duplicate is the same evidence."""

    @property
    def key(self) -> str:
        """`patient|modality|source`: the Kafka key. `%` and `|` of a patient are escaped: no two share a key."""
        patient = self.patient.replace("%", "%25").replace("|", "%7C")
        return f"{patient}|{self.modality.value}|{self.source}"

    @property
    def rank(self) -> tuple[str, int, int, str]:
        """What decides between two versions of a source: version, then status, then reading, then content hash."""
        return (self.version, _STATUS_RANK[self.status], self.reread, self.hash)


def evidence(  # one argument a field: this is the record's only constructor
    *,
    patient: str,
    modality: Modality,
    source: str,
    version: str,
    occurred_at: datetime,
    origin: Origin,
    status: EvidenceStatus = EvidenceStatus.CURRENT,
    flags: Iterable[str] = (),
    tokens: Iterable[ObservationToken | VariantToken] = (),
    vectors: Iterable[Vector] = (),
) -> Evidence:
    """Make a piece of evidence, with its content hash."""
    draft = Evidence(
        patient=patient,
        modality=modality,
        source=source,
        version=version,
        occurred_at=occurred_at,
        origin=origin,
        status=status,
        flags=tuple(sorted(set(flags))),
        tokens=tuple(tokens),
        vectors=tuple(vectors),
        hash="",
    )
    content = draft.model_dump(mode="json", exclude={"origin", "reread", "hash"}, exclude_defaults=True)
    return draft.model_copy(update={"hash": content_hash(content)})
