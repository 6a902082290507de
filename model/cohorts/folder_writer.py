"""A cohort folder written: the same form that `model.cohorts.folder` reads, byte for byte the same each time."""

import csv
import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from model.cohorts.folder import CARD, EVENTS, OUTCOMES, SURVIVAL, CohortCard, Outcome, SurvivalTime
from schemas.errors import Reason, Refused


def event_line(
    topic: str, value: Mapping[str, Any] | str | None, key: str | None = None, headers: Mapping[str, str] | None = None
) -> str:
    """One line of `events.ndjson`, with its line end."""
    line = {"topic": topic, "key": key, "headers": dict(headers or {}), "value": value}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


class CohortWriter:
    """Writes a new cohort folder: `with CohortWriter(out, card) as cohort: cohort.event(...)`."""

    def __init__(self, out: Path, card: CohortCard) -> None:
        if out.is_dir() and any(out.iterdir()):
            raise Refused(Reason.FILE_NOT_ALLOWED, "the folder to write is not empty; give a new one")
        self.out = out
        self._card = card
        self._open = ExitStack()

    def __enter__(self) -> Self:
        (self.out / "files").mkdir(parents=True, exist_ok=True)
        (self.out / CARD).write_text(self._card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        self._events, outcomes, survival = (
            self._open.enter_context((self.out / name).open("w", encoding="utf-8", newline=""))
            for name in (EVENTS, OUTCOMES, SURVIVAL)
        )
        self._outcomes = csv.writer(outcomes, lineterminator="\n")
        self._survival = csv.writer(survival, lineterminator="\n")
        self._outcomes.writerow(("patient", "diagnosis", "treatment", "response", "site"))
        self._survival.writerow(("patient", "endpoint", "time_days", "event"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def store(self, name: str, content: bytes) -> dict[str, Any]:
        """Write a file at `name` (relative, e.g. `files/ct/1.dcm`); gives its `url`, `bytes` and `sha256`."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"url": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def event(
        self,
        topic: str,
        value: Mapping[str, Any] | str | None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Add one record; a `value` that is text is sent as it stands."""
        self._events.write(event_line(topic, value, key, headers))

    def outcome(self, row: Outcome) -> None:
        """Add one line of `outcomes.csv`."""
        response = "" if row.response is None else str(int(row.response))
        self._outcomes.writerow((row.patient, row.diagnosis, row.treatment, response, row.site))

    def survival(self, row: SurvivalTime) -> None:
        """Add one line of `survival.csv`; days are kept to a tenth."""
        self._survival.writerow((row.patient, row.endpoint, f"{row.time_days:.1f}".removesuffix(".0"), int(row.event)))
