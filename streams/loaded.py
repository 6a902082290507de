"""What one load brought from the cache, read so that damage to one patient has its partition built again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.patient_fields import Damaged, is_being_built, offset_of, readable, state_of
from streams.state import PatientState

DAMAGED = -2
"""The mark of a partition that holds what nobody stored: behind every other, so that it is built again."""
UNFINISHED = -3
"""The mark of a partition that somebody has begun to build: behind every other as well."""


@dataclass(frozen=True)
class Loaded:
    """What the cache holds: patients, and for each partition the offsets up to which it knows evidence and requests.

    That of the evidence is -1 for a partition without any, `UNFINISHED` while it is built, and `DAMAGED` where a
    patient or the mark itself cannot be read: then its patients here are not to be used.
    """

    applied: Mapping[int, int]
    asked: Mapping[int, int]
    patients: Mapping[str, PatientState]


def loaded_from(partitions: Sequence[int], patients: Mapping[str, int], answers: Sequence[Any]) -> Loaded:
    """The answers of Redis: two marks of each partition, then the fields of each patient (id -> partition)."""
    count = len(partitions)
    applied: dict[int, int] = {}
    states: dict[str, PatientState] = {}
    for partition, answer in zip(partitions, answers[:count], strict=True):
        try:
            applied[partition] = offset_of(answer, -1)
        except Damaged:
            applied[partition] = UNFINISHED if is_being_built(answer) else DAMAGED
    for (patient, partition), answer in zip(patients.items(), answers[2 * count :], strict=True):
        try:
            states[patient] = state_of(patient, answer)
        except Damaged:
            states[patient], applied[partition] = PatientState(patient), DAMAGED
    asked = {at: asked_from(answer) for at, answer in zip(partitions, answers[count : 2 * count], strict=True)}
    return Loaded(applied, asked, states)


def asked_from(answer: Any) -> int:
    """From where on the requests are to be read; from their beginning where that cannot be read."""
    try:
        return offset_of(answer, 0)
    except Damaged:
        return 0


def due_from(names: Any) -> list[str]:
    """The patients whose time has come; raises `Damaged`."""
    try:
        return [name.decode() for name in readable(names)]
    except UnicodeDecodeError:
        raise Damaged from None


def waiting_from(count: Any) -> int:
    """How many wait; 0 where that cannot be read."""
    try:
        return int(readable(count))
    except Damaged:
        return 0
