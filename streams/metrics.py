"""What Prometheus sees (DESIGN §9): base units, closed labels, no patient."""

from functools import cache
from itertools import product
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram, Info

from schemas.errors import Reason
from schemas.evidence import Modality
from schemas.request import Cause, Status

_Kind = TypeVar("_Kind", Counter, Histogram)


@cache
def of(metric: _Kind, *labels: str) -> _Kind:
    """The metric with these labels, found once: finding it takes as long as counting, and labels are closed sets."""
    return metric.labels(*labels)


def begin(role: str) -> None:
    """Show a role's series of closed sets, at 0: of a counter that begins at 1 Prometheus cannot say that it rose."""
    for reason in Reason:
        DEAD_LETTERS.labels(role, reason.value)
    for outcome in ("evidence", "unchanged", "set_aside"):
        EVENTS.labels(role, outcome)
    RETRIES.labels(role)


def begin_results() -> None:
    """The same of what is said."""
    for status, cause in product(Status, Cause):
        RESULTS.labels(status.value, cause.value)
    for modality in Modality:
        IMPUTED.labels(modality.value)
    for reason in ("low-confidence", "no-evidence"):
        ABSTENTIONS.labels(reason)


BUILD = Info("oncostream_build", "Which build and network this is.")
EVENTS = Counter("oncostream_events_total", "Records with an outcome.", ["role", "outcome"])
EVENT_SECONDS = Histogram(
    "oncostream_event_seconds",
    "Time from taking a record up to its durable outcome; the records of a batch share it.",
    ["role"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
RESULTS = Counter("oncostream_results_total", "Results published.", ["status", "cause"])
RESULT_LATENCY = Histogram(
    "oncostream_result_latency_seconds",
    "From receiving the newest event to Kafka's acknowledgement of the result.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600, 3600),
)
PATIENTS_WAITING = Gauge("oncostream_patients_waiting", "Patients with a decision due later.")
IMPUTED = Counter("oncostream_imputed_total", "Modalities imputed in results.", ["modality"])
ABSTENTIONS = Counter("oncostream_abstentions_total", "Results that abstain.", ["reason"])
DOUBT = Histogram(
    "oncostream_doubt_nats",
    "Entropy of the diagnosis by source.",
    ["source"],
    buckets=(0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0),
)
BATCHES = Counter("oncostream_batches_total", "Batches by why they were closed.", ["role", "reason"])
BATCH_ROWS = Histogram(
    "oncostream_batch_rows", "Records a batch.", ["role"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
QUANTUM_CALLS = Counter(
    "oncostream_quantum_calls_total",
    "Results by what ran the circuit.",
    ["backend"],  # exact, shots, noisy, device; none: the network has no circuit, or there was no evidence
)
QUANTUM_FALLBACKS = Counter(
    "oncostream_quantum_fallbacks_total",
    "Results for which exact simulation stood in for a backend.",
    ["backend", "reason"],  # device; deadline, error, breaker-open, not-available
)
CACHE_SECONDS = Histogram(
    "oncostream_cache_seconds",
    "Round trips to Redis.",
    ["operation"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
)
CACHE_REBUILDS = Counter("oncostream_cache_rebuilds_total", "Partitions rebuilt from the evidence.", ["cause"])
MEMO = Counter("oncostream_memo_total", "Modality embeddings looked up in the memo.", ["outcome"])
DEAD_LETTERS = Counter(
    "oncostream_dead_letters_total",
    "Messages set aside, by the step that refused them and the reason.",
    ["step", "reason"],
)
SKIPPED = Counter("oncostream_skipped_resources_total", "Resources of a Bundle that are not evidence.", ["type"])
RETRIES = Counter("oncostream_retries_total", "Batches tried again because a dependency was away.", ["role"])
TRUNCATED = Counter("oncostream_truncated_total", "Sources dropped over the cap a patient.")
CONSUMER_LAG = Gauge("oncostream_consumer_lag", "Records not yet acknowledged.", ["topic", "partition"])
OFFSETS_AGAIN = Counter(
    "oncostream_offsets_again_total",
    "Partitions whose offsets began again: their topic was made anew, or lost its end.",
    ["topic"],
)
RECORDS_GONE = Counter(
    "oncostream_records_gone_total",
    "Records that Kafka removed before this group had read them.",
    ["topic"],
)
OLDEST = Gauge("oncostream_oldest_unacknowledged_seconds", "Age of the batch in work.", ["role"])
