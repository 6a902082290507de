"""FHIR's values as token fields: quantities in canonical units, answers, and what to flag."""

import math
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from schemas.code_systems import UCUM, system_named
from schemas.errors import Reason, Refused
from schemas.fhir_concepts import LONGEST_WORDS, code_of
from schemas.fhir_time import end_of, first_instant
from schemas.lab_units import ucum_of
from schemas.ucum import unknown_unit
from schemas.units import to_canonical


class Value(NamedTuple):
    """What a value[x] becomes: the fields of a token that depend on it."""

    value: float | None = None
    unit: str = ""
    answer: str = ""
    comparator: Any = None
    flags: tuple[str, ...] = ()


def value_of(code: str, holder: Any) -> Value | None:
    """The value[x] of an Observation or of a component, or why it is absent; None where it has neither."""
    absent = getattr(holder, "dataAbsentReason", None)
    if absent is not None:
        return Value(flags=(f"absent-{code_of(absent).rpartition('|')[2] or 'unknown'}",))
    for name, read in _READERS.items():
        value = getattr(holder, name, None)
        if value is not None:
            return read(code, value)
    return None


_NOT_AS_WRITTEN: Final = re.compile(r"(?:[KT]|[mM]?G)/|[mun]?g%")
"""Counts, and grams a decilitre, in a laboratory; UCUM reads kelvins, gauss, teslas, and grams times percent."""


def measured(code: str, quantity: Any) -> tuple[float, str] | None:
    """A Quantity in the canonical unit of its code; None where it holds no number."""
    if quantity is None or quantity.value is None:
        return None
    number = float(quantity.value)
    if not math.isfinite(number):
        raise Refused(Reason.NOT_FHIR, "a number beyond 1e308; send a number a double can hold")
    return to_canonical(code, number, unit_of(quantity))


def unit_of(quantity: Any) -> str:
    """The UCUM unit of a Quantity: its code, else (without a code) its unit text, else `""`.

    Either may be in a laboratory's words. A code of another system is refused: its unit text may be anything.
    """
    if quantity.code is not None and system_named(quantity.system) not in {"", UCUM}:
        raise unknown_unit()
    unit = ucum_of(str(quantity.code or quantity.unit or ""))
    if _NOT_AS_WRITTEN.match(unit):
        raise unknown_unit("10*3/uL, 10*9/L, 10*12/L or mg/L where K/, G/, T/ or MG/ stands, g/dL where g% does")
    return unit


def _quantity(code: str, quantity: Any) -> Value:
    found = measured(code, quantity)
    return Value(flags=("absent-unknown",)) if found is None else Value(*found, comparator=quantity.comparator)


def _range(code: str, span: Any) -> Value:
    low, high = measured(code, span.low), measured(code, span.high)
    if low is not None and high is not None:
        if low[1] != high[1]:
            raise unknown_unit("one unit for both ends of a range")
        return Value((low[0] + high[0]) / 2, low[1], flags=("from-range",))
    if low is not None:
        return Value(*low, comparator=">=", flags=("from-range",))
    if high is not None:
        return Value(*high, comparator="<=", flags=("from-range",))
    return Value(flags=("absent-unknown",))


def _ratio(code: str, ratio: Any) -> Value:
    top, bottom = ratio.numerator, ratio.denominator
    if top is None or bottom is None or top.value is None or not float(bottom.value or 0):
        return Value(flags=("absent-not-a-number",))
    divided = float(top.value) / float(bottom.value)
    if not math.isfinite(divided) or math.isinf(float(bottom.value)):
        return Value(flags=("absent-not-a-number",))
    bounds = {sign for sign in (top.comparator, _TURNED.get(bottom.comparator, bottom.comparator)) if sign}
    if len(bounds) > 1:  # more than something, over more than something: anything
        return Value(flags=("absent-not-a-number",))
    over, under = unit_of(top), unit_of(bottom)
    unit = f"({over or '1'})/({under or '1'})" if over or under else "1"
    return Value(*to_canonical(code, divided, unit), comparator=next(iter(bounds), None), flags=("from-ratio",))


_TURNED: Final = {"<": ">", "<=": ">=", ">=": "<=", ">": "<"}
"""What a bound on a denominator says of the ratio: a titre of 1 to more than 1280 is less than 1/1280."""


def _answered(answer: str) -> Value:
    """An answer; one that says nothing is none, as a quantity without a number is none."""
    return Value(answer=answer) if answer else Value(flags=("absent-unknown",))


def _concept(_: str, concept: Any) -> Value:
    return _answered(code_of(concept))


def _number(code: str, number: Any) -> Value:
    """A number or a yes that has no place for a unit: as a quantity without one, refused where the code needs it."""
    value, unit = to_canonical(code, float(number), "")
    return Value(value, unit or "1")


def _text(_: str, text: Any) -> Value:
    return _answered(str(text).strip()[:LONGEST_WORDS])


def _moment(_: str, moment: str | date | datetime) -> Value:
    return Value(answer=first_instant(moment).isoformat())


def _period(_: str, period: Any) -> Value:
    ends = [first_instant(end).isoformat() if end is not None else "" for end in (period.start, end_of(period))]
    return _answered("/".join(ends) if any(ends) else "")


def _sampled(_: str, __: Any) -> Value:
    return Value(flags=("sampled-data",))


def _unread(_: str, __: Any) -> Value:
    return Value(flags=("value-unread",))


_READERS: Final = {
    "valueQuantity": _quantity,
    "valueCodeableConcept": _concept,
    "valueString": _text,
    "valueBoolean": _number,
    "valueInteger": _number,
    "valueRange": _range,
    "valueRatio": _ratio,
    "valueTime": _text,
    "valueDateTime": _moment,
    "valuePeriod": _period,
    "valueSampledData": _sampled,
    "valueAttachment": _unread,  # R5
    "valueReference": _unread,  # R5
}


def range_flags(code: str, value: Value, holder: Any) -> Iterator[str]:
    """`below-range` or `above-range`: by the first normal reference range, else by the sender's interpretation.

    A value that only is more than its number (`>60`) is not below a range for that, nor is `<5` above one.
    """
    spans = [span for span in getattr(holder, "referenceRange", None) or () if _is_normal(span)]
    low, high = (_bound(code, end, value.unit) for end in (spans[0].low, spans[0].high)) if spans else (None, None)
    if value.value is not None and (low is not None or high is not None):
        if low is not None and value.value < low and value.comparator not in _MORE:
            yield "below-range"
        if high is not None and value.value > high and value.comparator not in _LESS:
            yield "above-range"
        return
    for concept in getattr(holder, "interpretation", None) or ():
        yield from (_INTERPRETED[coding.code] for coding in concept.coding or () if coding.code in _INTERPRETED)


_LESS: Final = frozenset({"<", "<="})
_MORE: Final = frozenset({">", ">="})
_INTERPRETED: Final = {
    **dict.fromkeys(("L", "LU", "L<", "LL"), "below-range"),
    **dict.fromkeys(("H", "HU", "H>", "HH"), "above-range"),
}
"""Low and high, significantly (`L<` and `H>` of old) and critically so. HL7's other interpretations tell no side of
a reference range: `LX` and `HX` are of a protocol's range, `<` and `>` of the instrument's."""


def _is_normal(span: Any) -> bool:
    applies = span.appliesTo is None and span.age is None
    return applies and (span.type is None or code_of(span.type).rpartition("|")[2] == "normal")


def _bound(code: str, quantity: Any, unit: str) -> float | None:
    """One end of a reference range in the unit of the value; None where it is not in a unit of that kind."""
    try:
        found = measured(code, quantity)
    except Refused:
        return None
    return found[0] if found is not None and found[1] == unit else None
