"""What a demonstration adds up, and the table that it ends with."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from rich.table import Table

from schemas.request import Cause
from schemas.result import Result


@dataclass
class Tally:
    """Counts of one demonstration."""

    sent: int = 0
    seconds: float = 0.0
    results: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_cause: Counter[str] = field(default_factory=Counter)
    imputed: Counter[str] = field(default_factory=Counter)
    abstained: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    """Seconds, of results that an event caused (a deadline's wait is no latency)."""
    last_caused: float = 0.0
    """When, on the monotonic clock, the last result came that an event caused."""
    patients: set[str] = field(default_factory=set)

    def add(self, result: Result, latency: float, now: float) -> None:
        """Count one result that came at `now`, and the seconds from its newest event to its acknowledgement."""
        self.results += 1
        self.patients.add(result.patient)
        self.by_status[result.history.status.value] += 1
        self.by_cause[result.history.cause.value] += 1
        self.imputed.update(modality.value for modality in result.imputed)
        self.abstained += result.abstained is not None
        if result.history.cause is not Cause.DEADLINE:
            self.latencies.append(latency)
            self.last_caused = now

    def table(self, settle_seconds: float) -> Table:
        """The closing table."""
        table = Table(title="What happened", show_header=False, title_justify="left")
        rate = self.sent / self.seconds if self.seconds else 0.0
        table.add_row("events", f"{self.sent}, sent and answered in {self.seconds:.1f} s: {rate:.0f} a second")
        table.add_row("patients with a result", str(len(self.patients)))
        table.add_row("results by status", _counts(self.by_status))
        table.add_row("results by cause", _counts(self.by_cause))
        table.add_row("imputed modalities", _counts(self.imputed))
        table.add_row("abstained", f"{self.abstained} of {self.results}")
        table.add_row("dead letters", _counts(self.dead_letters) or "none")
        if self.latencies:
            half, most = np.percentile(self.latencies, (50, 99))
            table.add_row("latency p50 / p99", f"{half:.2f} s / {most:.2f} s ({settle_seconds:.1f} s of it settling)")
        return table


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))
