"""A result: what is said of a patient, with its doubt, and how it came to be said (DESIGN §3.5)."""

from typing import Any

from schemas.canonical import content_hash
from schemas.evidence import Modality
from schemas.picture import Absence
from schemas.record import Instant, Record
from schemas.request import History


class EvidenceUsed(Record):
    """A piece of evidence that the result rests on."""

    modality: Modality
    source: str
    hash: str
    occurred_at: Instant
    flags: tuple[str, ...] = ()


class Diagnosis(Record):
    """Calibrated probability of each label, and the conformal set at level 1 - alpha."""

    probabilities: dict[str, float]
    conformal_set: tuple[str, ...]
    alpha: float
    threshold: float
    """Confidence under which the result abstains."""


class Survival(Record):
    """One endpoint's survival curve at the model's bins."""

    edges_days: tuple[float, ...]
    """Right edges of the bins."""
    survival: tuple[float, ...]
    """S(t) at each edge."""
    risk: dict[str, float]
    """1 - S at `1y`, `3y`, `5y`; a horizon beyond the last bin is left out."""
    median_days: float | None
    """None where the curve stays above one half."""
    median_interval_days: tuple[float | None, float | None]
    """80 % interval over the draws."""


class Doubt(Record):
    """Entropy of the diagnosis in nats, split by source: `total` is the sum of the others."""

    total: float
    data: float
    imputation: float
    model: float
    shots: float
    hardware: float


class NextStep(Record):
    """What to order next: the expected drop in entropy (nats) if this modality came."""

    modality: Modality
    expected_drop: float


class Provenance(Record):
    """What computed this: enough to compute it again."""

    model: str
    weights_sha256: str
    settings_sha256: str
    intended_use: str
    quantum_backend: str
    quantum_reason: str
    fallbacks: tuple[str, ...] = ()


class Content(Record):
    """What is said. `content_sha256` covers exactly this; floats are rounded to 6 decimals."""

    id: str
    """Equal to the request's id."""
    patient: str
    asked_at: Instant | None
    """Time of the newest evidence, an event time; null where no evidence that counts has one, as when it is withdrawn.
    Until 2026-11-26 that was written as 1970-01-01T00:00:00Z.
    """
    evidence: tuple[EvidenceUsed, ...]
    imputed: tuple[Modality, ...]
    missing: dict[Modality, Absence]
    truncated: bool = False
    diagnosis: Diagnosis | None = None
    """None where the result is withdrawn: no evidence is left."""
    prognosis: dict[str, Survival] = {}
    """By endpoint (OS, RFS, ...)."""
    treatment: dict[str, float] = {}
    """Probability of response under each option; associations, no claim of a causal effect."""
    doubt: Doubt | None = None
    abstained: str | None = None
    """`low-confidence`, `no-evidence`, or None."""
    next: tuple[NextStep, ...] = ()
    review: tuple[str, ...] = ()
    """What a person should look at, e.g. `imaging|series:1.2 unreadable`."""
    provenance: Provenance


class Result(Content):
    """One revision of what is said of a patient: the content, how it came to be said, and the content's hash."""

    history: History
    content_sha256: str

    @property
    def content(self) -> Content:
        """What is said, without the history."""
        return Content.model_construct(**{name: getattr(self, name) for name in Content.model_fields})

    def to_json(self) -> bytes:
        """Serialise with every field written out, so that a reader need not know the defaults."""
        return self.__pydantic_serializer__.to_json(self)


def result_of(content: Content, history: History) -> Result:
    """Seal content with its hash."""
    return Result(**content.__dict__, history=history, content_sha256=content_hash(content))


def plain(record: Record) -> Any:
    """A record as JSON values, every field written out."""
    return record.model_dump(mode="json")
