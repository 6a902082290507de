"""Out-of-fold predictions as a CSV: what `oncostream evaluate` writes, and what every metric is computed from."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import Reason, Refused

YEARS = (1, 2, 3, 4, 5)
_FIXED = ("patient_id", "repeat", "fold", "endpoint", "risk", *(f"surv_{year}y" for year in YEARS))


@dataclass(frozen=True)
class Prediction:
    """What was said of one patient and endpoint by a model that never saw the patient."""

    patient: str
    repeat: int
    fold: int
    endpoint: str
    risk: float
    """-log of survival at 5 years (or at the last bin, where that is earlier): higher is worse."""
    survival: tuple[float, ...]
    """At each of YEARS; NaN beyond the cohort's horizon."""
    classes: tuple[float, ...] = ()
    """Probability of each diagnosis label; the same in every endpoint's row of a patient."""


def write_predictions(path: Path, predictions: Iterable[Prediction], labels: tuple[str, ...]) -> None:
    """Write the CSV: the columns of the contract, then one `p_<label>` a diagnosis label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as lines:
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow((*_FIXED, *(f"p_{label}" for label in labels)))
        for said in predictions:
            numbers = (f"{number:.6g}" for number in (said.risk, *said.survival, *said.classes))
            rows.writerow((said.patient, said.repeat, said.fold, said.endpoint, *numbers))


def read_predictions(path: Path) -> tuple[tuple[Prediction, ...], tuple[str, ...]]:
    """The predictions and the diagnosis labels; Refused where the file is not one of ours."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines)
            header = tuple(next(rows, ()))
            if header[: len(_FIXED)] != _FIXED:
                raise Refused(Reason.UNREADABLE_FILE, f"{path.name} line 1: wanted the columns {','.join(_FIXED)}")
            labels = tuple(column.removeprefix("p_") for column in header[len(_FIXED) :])
            return tuple(_parsed(rows, len(header), path)), labels
    except FileNotFoundError:
        raise Refused(Reason.FILE_MISSING, f"no {path.name}; oncostream evaluate writes one") from None
    except (UnicodeDecodeError, csv.Error):
        raise Refused(Reason.UNREADABLE_FILE, f"{path.name} is no CSV in UTF-8; evaluate again") from None


def _parsed(rows: Iterator[list[str]], columns: int, path: Path) -> Iterator[Prediction]:
    for number, row in enumerate(rows, start=2):
        if len(row) != columns:
            found = f"{path.name} line {number}: {len(row)} cells, wanted {columns}"
            raise Refused(Reason.UNREADABLE_FILE, f"{found}; the file was cut short or edited, evaluate again")
        try:
            patient, repeat, fold, endpoint, *cells = row
            numbers = [float(cell) for cell in cells]
            survival, classes = tuple(numbers[1 : 1 + len(YEARS)]), tuple(numbers[1 + len(YEARS) :])
            yield Prediction(patient, int(repeat), int(fold), endpoint, numbers[0], survival, classes)
        except ValueError:
            raise Refused(
                Reason.UNREADABLE_FILE, f"{path.name} line {number}: wanted numbers; evaluate again"
            ) from None
