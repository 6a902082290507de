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
    """What kind of look at the patient it is."""
    source: str
    """The sender's name for it: `Observation/123`, a series, `specimen:assay`."""
    hash: str
    """SHA-256 of its content, as in `oncology.evidence`."""
    occurred_at: Instant
    """Event time; 1970-01-01T00:00:00Z with the flag `timeless`."""
    flags: tuple[str, ...] = ()
    """What is to be known of it: `timeless`, `truncated` and `text-cut` (read in part), `kind-CT` and others."""


class Diagnosis(Record):
    """Calibrated probability of each label, and the conformal set at level 1 - alpha."""

    probabilities: dict[str, float]
    """Label -> calibrated probability, 0 to 1. No claim where `abstained` is not null."""
    conformal_set: tuple[str, ...]
    """Labels of a set that is meant to hold the true one for 1 - alpha of patients; it rules out no other label."""
    alpha: float
    """Share of patients whose true label the set may miss, 0 to 1."""
    threshold: float
    """Confidence (the greatest probability) under which the result abstains, 0 to 1."""


class Survival(Record):
    """One endpoint's survival curve at the model's bins."""

    edges_days: tuple[float, ...]
    """Right edges of the bins, in days from the newest evidence (`asked_at`); the last is as far as the curve goes."""
    survival: tuple[float, ...]
    """S(t) at each edge: probability, 0 to 1, that the event has not happened by then."""
    risk: dict[str, float]
    """1 - S at `1y`, `3y`, `5y`: probability, 0 to 1, of the event by then; one beyond the last bin is left out."""
    median_days: float | None
    """Days until the curve reaches one half; null where it stays above."""
    median_interval_days: tuple[float | None, float | None]
    """Days: 10 % and 90 % of the network's draws of the median, an end null where not reached. A doubt about the median
    (what was imputed, what its heads disagree on), not the spread of patients, which is wider.
    """


class Doubt(Record):
    """Entropy in nats, split by source: of the diagnosis, or where a network has no diagnosis labels, of whether the
    first endpoint's event happens within two years (or by the last edge, where that is earlier).
    """

    total: float
    """Nats, the sum of the others: 0 is certain, log(labels) is no idea."""
    data: float
    """Nats: what the evidence leaves open."""
    imputation: float
    """Nats: what the draws of the missing modalities disagree on."""
    model: float
    """Nats: what the heads of the network disagree on."""
    shots: float
    """Nats: expected of finitely many shots of a circuit."""
    hardware: float
    """Nats: how far the backend's answer is from exact simulation."""


class NextStep(Record):
    """What to order next: the expected drop in entropy (nats) if this modality came."""

    modality: Modality
    """The missing modality."""
    expected_drop: float
    """Nats by which the doubt is expected to fall; near 0, it would tell next to nothing."""


class Provenance(Record):
    """What computed this: enough to compute it again."""

    model: str
    """Id of the network: `name@hash`."""
    weights_sha256: str
    """Of its weights."""
    settings_sha256: str
    """Of the settings that a result depends on."""
    intended_use: str
    """As the network's manifest states it."""
    quantum_backend: str
    """What ran the circuit: `exact`, `none` or another backend."""
    quantum_reason: str
    """Why that one."""
    fallbacks: tuple[str, ...] = ()
    """`asked->ran` of each backend that failed."""


class Content(Record):
    """What is said. `content_sha256` covers exactly this; floats are rounded to 6 decimals."""

    id: str
    """Equal to the request's id."""
    patient: str
    """Id, as in the events."""
    asked_at: Instant | None
    """Time of the newest evidence, an event time; null where no evidence that counts has one, as when it is withdrawn.
    Until 2026-11-26 that was written as 1970-01-01T00:00:00Z.
    """
    evidence: tuple[EvidenceUsed, ...]
    """What the result rests on."""
    imputed: tuple[Modality, ...]
    """Modalities that the network uses and that were not there: estimated from the others, not measured."""
    missing: dict[Modality, Absence]
    """Modalities without evidence that counts, and why; one that is not imputed is not used by this network."""
    truncated: bool = False
    """The patient has more sources than the cap; the oldest are left out."""
    diagnosis: Diagnosis | None = None
    """Null without evidence (withdrawn, nothing readable), and of a network without diagnosis labels."""
    prognosis: dict[str, Survival] = {}
    """By endpoint (OS, RFS, ...), the first one first. Empty without evidence, and of a network without endpoints."""
    treatment: dict[str, float] = {}
    """Probability of response, 0 to 1, under each option; associations, no claim of a causal effect."""
    doubt: Doubt | None = None
    """Null without evidence."""
    abstained: str | None = None
    """Where not null, the diagnosis (of a network without labels: the prognosis) is not offered, though its numbers
    are there. `low-confidence`: under the threshold; `no-evidence`: nothing was predicted.
    """
    next: tuple[NextStep, ...] = ()
    """For each imputed modality what it would tell, the most telling first."""
    review: tuple[str, ...] = ()
    """What a person should look at, e.g. `imaging|series:1.2 unreadable`."""
    provenance: Provenance
    """What computed it."""


class Result(Content):
    """One revision of what is said of a patient: the content, how it came to be said, and the content's hash."""

    history: History
    """How it came to be said."""
    content_sha256: str
    """SHA-256 of all but `history` and this, in canonical JSON (RFC 8785)."""

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
