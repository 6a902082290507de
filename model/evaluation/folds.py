"""Who is tested when: patient-level folds, repeated, from a file or made here."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from model.cohorts.folder import read_card, read_outcomes, read_survival
from model.rare_kinds import rare_kinds_allowed
from schemas.errors import Reason, Refused

_COLUMNS = ("patient_id", "repeat", "fold")


@dataclass(frozen=True)
class Assigned:
    """One patient is tested in this fold of this repeat, and trained on in the repeat's others."""

    patient: str
    repeat: int
    fold: int


def read_folds(path: Path) -> tuple[Assigned, ...]:
    """Read patient_id, repeat, fold; Refused where the file is not that, tests a patient twice in one repeat, or all
    of a repeat's patients at once."""
    found: dict[tuple[str, int], Assigned] = {}
    try:
        for number, row in enumerate(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))), start=2):
            one = _assigned(row, f"{path.name} line {number}")
            if (one.patient, one.repeat) in found:
                raise _refused(f"{path.name} line {number}: a patient twice in a repeat; keep one")
            found[one.patient, one.repeat] = one
    except FileNotFoundError:
        raise Refused(Reason.FILE_MISSING, f"no {path.name}; oncostream cohort folds makes one") from None
    except (UnicodeDecodeError, csv.Error):
        raise _refused(f"{path.name} is no CSV in UTF-8; write it as one") from None
    if not found:
        raise _refused(f"{path.name} has no folds; oncostream cohort folds makes them")
    folds = Counter(repeat for repeat, _ in {(one.repeat, one.fold) for one in found.values()})
    if 1 in folds.values():
        raise _refused(f"{path.name} has a repeat of one fold: nobody is left to train; make at least 2 folds a repeat")
    return tuple(found.values())


def _assigned(row: Mapping[str, str], where: str) -> Assigned:
    try:
        one = Assigned(row["patient_id"], int(row["repeat"]), int(row["fold"]))
    except (KeyError, TypeError, ValueError):
        raise _refused(f"{where}: wanted patient_id,repeat,fold") from None
    if not one.patient or min(one.repeat, one.fold) < 0:
        raise _refused(f"{where}: wanted a patient, and a repeat and a fold of 0 or more")
    return one


def _refused(found: str) -> Refused:
    return Refused(Reason.UNREADABLE_FILE, found)


def require_of(cohort: Path, seen: Collection[str], folds: Sequence[Assigned]) -> None:
    """Refused where the folds test patients whom the cohort does not know; `seen` are those with evidence.

    Silently left out, as those are of whom nothing was ever read, they would pass for a smaller cohort.
    """
    named = {one.patient for one in read_outcomes(cohort)} | {one.patient for one in read_survival(cohort)}
    tested = {one.patient for one in folds}
    if unknown := tested - named - set(seen):
        raise _refused(f"{len(unknown)} of the folds' {len(tested)} patients are not in the cohort; give its own folds")


def write_folds(path: Path, folds: Sequence[Assigned]) -> None:
    """Write patient_id, repeat, fold."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow(_COLUMNS)
        rows.writerows((one.patient, one.repeat, one.fold) for one in folds)


def strata_of(cohort: Path) -> dict[str, str]:
    """Patient -> what folds are stratified by: the diagnosis, and which events of the first and last endpoint it had.

    First and last: of HANCOCK's endpoints those are death and recurrence.
    """
    endpoints = read_card(cohort).tasks.endpoints
    told = {*endpoints[:1], *endpoints[-1:]}
    found = {one.patient: one.diagnosis for one in read_outcomes(cohort)}
    for time in sorted(read_survival(cohort), key=lambda one: endpoints.index(one.endpoint)):
        if time.endpoint in told:
            found[time.patient] = f"{found.get(time.patient, '')}/{time.endpoint}{int(time.event)}"
    return found


def rare_of(strata: Mapping[str, str], folds: int) -> int:
    """How many kinds have fewer patients than there are folds, so that some folds go without one."""
    return sum(count < folds for count in Counter(strata.values()).values())


def sites_of(cohort: Path) -> dict[str, str]:
    """Patient -> its site."""
    return {one.patient: one.site for one in read_outcomes(cohort)}


def make_folds(
    strata: Mapping[str, str], repeats: int, folds: int, seed: int, groups: Mapping[str, str] | None = None
) -> tuple[Assigned, ...]:
    """Folds of patients stratified by `strata`; with `groups` (a patient's site), no group is on both sides."""
    patients = sorted(strata)
    kinds = [strata[patient] for patient in patients]
    owners = [groups.get(patient, "") for patient in patients] if groups is not None else None
    cutter = StratifiedKFold if owners is None else StratifiedGroupKFold
    found = []
    with rare_kinds_allowed():
        for repeat in range(repeats):
            cuts = cutter(folds, shuffle=True, random_state=seed + repeat).split(np.zeros(len(patients)), kinds, owners)
            found += [Assigned(patients[row], repeat, fold) for fold, (_, tested) in enumerate(cuts) for row in tested]
    return tuple(found)
