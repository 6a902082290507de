"""A patient as the fields of a Redis hash, and back."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from redis.exceptions import ResponseError

from schemas.evidence import Evidence
from schemas.picture import SourceKey
from streams.state import Header, PatientState

BUILDING = "building-"
"""How the mark of a partition begins that is being built, and is not to be used until then."""


class Damaged(Exception):  # noqa: N818  what was found, not whose fault it is
    """This is not what was stored: the partition is built again from Kafka."""


def field_of(key: SourceKey) -> str:
    """The field of one source."""
    modality, source = key
    return f"{modality.value}|{source}"


def fields_of(state: PatientState) -> Any:
    """All fields of a patient."""
    fields = {field_of(key): piece.to_json() for key, piece in state.picture.items()}
    return {**fields, "#header": state.header.to_json(), "#version": state.header.version}


def state_of(patient: str, answer: Any) -> PatientState:
    """The patient of these fields, of none a new one; raises `Damaged`."""
    fields: Mapping[bytes, bytes] = readable(answer)
    if not fields:
        return PatientState(patient)
    try:
        header = Header.model_validate_json(fields[b"#header"])
        header = header.model_copy(update={"version": _number(fields[b"#version"])})
        pieces = {name: Evidence.model_validate_json(text) for name, text in fields.items() if name[:1] != b"#"}
    except (KeyError, ValueError, ValidationError):
        raise Damaged from None  # of what is in it nothing may reach a log
    picture = {(piece.modality, piece.source): piece for piece in pieces.values()}
    own = all(piece.patient == patient for piece in pieces.values())
    if not own or {field_of(key).encode() for key in picture} != pieces.keys():
        raise Damaged
    return PatientState(patient, header, picture)


def offset_of(answer: Any, none: int) -> int:
    """An offset, `none` where there is none; raises `Damaged`."""
    try:
        value = readable(answer)
        return none if value is None else _number(value)
    except ValueError:
        raise Damaged from None


def _number(text: bytes) -> int:
    """The number, as we write it: the store script compares texts, and reads fewer of them as numbers than Python."""
    number = int(text)
    if str(number).encode() != text:
        raise ValueError("a number as we do not write it")
    return number


def is_being_built(answer: Any) -> bool:
    """Whether this is the mark of a partition that somebody has begun to build."""
    return isinstance(answer, bytes) and answer.startswith(BUILDING.encode())


def is_of_another_kind(answer: Any) -> bool:
    """Whether Redis said that a key holds something of another kind than was stored there."""
    return isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE")


def readable(answer: Any) -> Any:
    """What Redis answered; raises `Damaged` where the key holds something of another kind, and any other error."""
    if is_of_another_kind(answer):
        raise Damaged
    if isinstance(answer, BaseException):
        raise answer
    return answer
