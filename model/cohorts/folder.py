"""A cohort folder (DESIGN §5) read: its card, its events as messages, its outcomes and survival times."""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt, ValidationError
from pydantic_core import PydanticCustomError

from model.cohorts.folder_line import read_line, wrong_field
from schemas.errors import Reason, Refused
from schemas.message import Message
from schemas.record import Record
from schemas.table import Block

CARD, EVENTS, OUTCOMES, SURVIVAL = "cohort.json", "events.ndjson", "outcomes.csv", "survival.csv"
OBSERVATION_TOPIC, IMAGING_TOPIC, SEQUENCING_TOPIC = "fhir.observations", "imaging.events", "sequencing.events"


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise PydanticCustomError("named_twice", "each name once")
    return names


Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], AfterValidator(_each_once)]
"""A result has a number a name: of one that stands twice it would say one of two, and no more that they add up to 1."""


class Tasks(Record):
    """What can be learnt from the cohort; an empty list is a task it does not have."""

    diagnosis: Names = ()
    treatments: Names = ()
    endpoints: Names = ()
    horizon_days: int = Field(gt=0)
    """How far the follow-up carries; later survival bins would be guesswork."""


class CohortCard(Record):
    """`cohort.json`: what the cohort is, where it comes from, on what terms, and what it is good for."""

    name: str = Field(min_length=1)
    source: str
    terms: str
    tasks: Tasks
    feature_spaces: dict[Name, PositiveInt] = Field(default_factory=dict)
    """Encoder name of the feature bags -> width D."""
    table: tuple[Block, ...] = ()
    """What the linear road is to read of these patients, in blocks; none: a block a modality, made by rule."""


@dataclass(frozen=True)
class Outcome:
    """One line of `outcomes.csv`; `""` (and a response of None) where it is unknown."""

    patient: str
    diagnosis: str = ""
    treatment: str = ""
    response: bool | None = None
    site: str = ""


@dataclass(frozen=True)
class SurvivalTime:
    """One line of `survival.csv`: the event happened at `time_days`, or had not yet happened by then."""

    patient: str
    endpoint: str
    time_days: float
    event: bool


def read_card(folder: Path) -> CohortCard:
    """Read `cohort.json`; Refused where it is absent or not a card."""
    try:
        return CohortCard.model_validate_json(_present(folder, CARD).read_bytes())
    except ValidationError as error:
        raise Refused(Reason.NOT_AN_EVENT, f"{CARD}: {wrong_field(error)}") from error


def read_events(folder: Path, timestamp: datetime | None = None, name: str = EVENTS) -> Iterator[Message]:
    """Each line as the message a bus would have carried: partition 0, offset = line number from 1.

    Relative file URLs become absolute `file:` URLs. Without `timestamp`, a message has its event's own time.
    Lines are read as they are asked for, so a folder may be larger than memory.
    """
    root = folder.resolve()
    with _present(folder, name).open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            if raw.strip():
                yield read_line(raw, number, root, timestamp, where=f"{name} line {number}")


def read_outcomes(folder: Path) -> tuple[Outcome, ...]:
    """Read `outcomes.csv`, checked against the labels and treatments that the card names: one line a patient."""
    tasks, found = read_card(folder).tasks, {}
    for where, row in _rows(folder, OUTCOMES, ("patient", "diagnosis", "treatment", "response", "site")):
        _one_of(row["diagnosis"], ("", *tasks.diagnosis), "diagnosis", where)
        _one_of(row["treatment"], ("", *tasks.treatments), "treatment", where)
        _one_of(row["response"], ("", "0", "1"), "response", where)
        if row["patient"] in found:
            raise Refused(Reason.UNREADABLE_FILE, f"{where}: a second line for one patient; keep one")
        answer = row["response"] == "1" if row["response"] else None
        found[row["patient"]] = Outcome(row["patient"], row["diagnosis"], row["treatment"], answer, row["site"])
    return tuple(found.values())


def read_survival(folder: Path) -> tuple[SurvivalTime, ...]:
    """Read `survival.csv`: at most one line a patient and endpoint, times finite and not negative."""
    endpoints, found = read_card(folder).tasks.endpoints, {}
    for where, row in _rows(folder, SURVIVAL, ("patient", "endpoint", "time_days", "event")):
        _one_of(row["endpoint"], endpoints, "endpoint", where)
        _one_of(row["event"], ("0", "1"), "event", where)
        key = (row["patient"], row["endpoint"])
        if key in found:
            raise Refused(Reason.UNREADABLE_FILE, f"{where}: a second line for one patient and endpoint; keep one")
        found[key] = SurvivalTime(*key, _days(row["time_days"], where), row["event"] == "1")
    return tuple(found.values())


def _present(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise Refused(Reason.FILE_MISSING, f"the folder has no {name}; see docs/inputs.md, or oncostream cohort")
    return path


def _rows(folder: Path, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        text = _present(folder, name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(Reason.UNREADABLE_FILE, f"{name} is not UTF-8; write it as UTF-8") from error
    rows = csv.reader(io.StringIO(text))
    if tuple(next(rows, ())) != columns:
        raise Refused(Reason.UNREADABLE_FILE, f"{name} line 1: wanted the columns {','.join(columns)}")
    for cells in rows:
        where = f"{name} line {rows.line_num}"
        if len(cells) != len(columns) or not cells[0]:
            raise Refused(Reason.UNREADABLE_FILE, f"{where}: wanted {len(columns)} cells, the first a patient")
        yield where, dict(zip(columns, cells, strict=True))


def _one_of(text: str, allowed: tuple[str, ...], column: str, where: str) -> None:
    if text not in allowed:
        raise Refused(Reason.UNREADABLE_FILE, f"{where}: {column} must be one of {list(allowed)} (see {CARD})")


def _days(text: str, where: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not 0 <= days < math.inf:
        raise Refused(Reason.UNREADABLE_FILE, f"{where}: time_days must be a number of days, 0 or more")
    return days
