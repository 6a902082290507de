"""A validated Observation as clinical tokens: one of its own value, one of each component."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from schemas.errors import Reason, Refused
from schemas.fhir_concepts import LONGEST_WORDS, code_of, is_cut
from schemas.fhir_values import Value, range_flags, value_of
from schemas.tokens import ObservationToken


def observation_tokens(observation: Any, at: datetime) -> tuple[ObservationToken, ...]:
    """Every fact of the Observation at its time; a panel without a value of its own has its components alone."""
    flags = ("status-unknown",) if observation.status == "unknown" else ()
    return tuple(dict.fromkeys(_tokens(observation, at, flags)))  # a fact that is there twice is one


def is_shortened(observation: Any) -> bool:
    """Whether a token of the Observation holds only the beginning of its words."""
    return any(
        len(str(holder.valueString or "").strip()) > LONGEST_WORDS or is_cut(holder.code, holder.valueCodeableConcept)
        for holder in (observation, *(observation.component or ()))
    )


def _tokens(observation: Any, at: datetime, flags: tuple[str, ...]) -> Iterator[ObservationToken]:
    own, components = _of(observation, at, flags), observation.component or ()
    if own is not None:
        yield own
    for component in components:
        part = _of(component, at, flags)
        yield part if part is not None else _token(component, Value(flags=("no-value",)), at, flags)
    if own is None and not components:
        yield _token(observation, Value(flags=("no-value",)), at, flags)


def _of(holder: Any, at: datetime, flags: tuple[str, ...]) -> ObservationToken | None:
    value = value_of(code_of(holder.code), holder)
    return None if value is None else _token(holder, value, at, flags)


def _token(holder: Any, value: Value, at: datetime, flags: tuple[str, ...]) -> ObservationToken:
    code = code_of(holder.code)
    if not code:
        raise Refused(Reason.NOT_FHIR, "an Observation or component whose code has no coding and no text; send one")
    said = {*value.flags, *range_flags(code, value, holder), *flags}
    return ObservationToken(
        code=code,
        value=value.value,
        unit=value.unit,
        answer=value.answer,
        comparator=value.comparator,
        at=at,
        flags=tuple(sorted(said)),
    )
