"""Every value in one unit a code: UCUM in, the canonical unit out (DESIGN §3.1)."""

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import pint

from schemas.canonical_units import CANONICAL_UNITS, CanonicalUnit
from schemas.errors import Reason, Refused
from schemas.ucum import atoms, parse_ucum, registry, unknown_unit

_ARBITRARY_ATOM = re.compile(r"\[(?:IU|iU|arb'U)\]")
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_DIGITS = 12


class Conversion(NamedTuple):
    """`value * slope + offset` is the value in `unit`."""

    slope: float
    offset: float
    unit: str


def to_canonical(code: str, value: float, unit: str) -> tuple[float, str]:
    """The value in the canonical unit of its code (`system|code`), and that unit.

    A code without a canonical unit has its values in the coherent units of their dimension (`g.m-3`, `K`, `1`).
    A number without a unit stays one, unless its code needs a unit. Good to 12 digits.
    """
    conversion = conversion_of(code if code in CANONICAL_UNITS else "", unit)  # remembers no code of the sender's own
    if conversion.slope == 1.0 and conversion.offset == 0.0:
        return value, conversion.unit
    converted = float(f"{value * conversion.slope + conversion.offset:.{_DIGITS}g}")
    if not math.isfinite(converted):
        raise Refused(Reason.UNKNOWN_UNIT, "a value is too large for its canonical unit; send it in a larger unit")
    return converted, conversion.unit


@lru_cache(maxsize=8192)
def conversion_of(code: str, unit: str) -> Conversion:
    """How values of this code in this unit become canonical; raise Refused (`unknown-unit`) where they cannot."""
    canonical = CANONICAL_UNITS.get(code)
    if not unit:
        return _of_no_unit(canonical)
    if canonical is None:
        return _to_coherent(unit)
    if unit == canonical.unit:
        return Conversion(1.0, 0.0, unit)
    return _to_unit(unit, canonical)


def _of_no_unit(canonical: CanonicalUnit | None) -> Conversion:
    if canonical is None:
        return Conversion(1.0, 0.0, "")
    if canonical.unit == "1":
        return Conversion(1.0, 0.0, "1")
    raise unknown_unit(canonical.unit)


def _to_unit(unit: str, canonical: CanonicalUnit) -> Conversion:
    text = _ARBITRARY_ATOM.sub("U", unit) if "U" in canonical.unit else unit
    found, wanted = parse_ucum(text), parse_ucum(canonical.unit)
    if canonical.of_moles is not None and "mol" in _ANNOTATION.sub("", text):
        slope, offset = canonical.of_moles
        moles = _line(found, parse_ucum("mmol/mol"), canonical.unit)
        return Conversion(moles.slope * slope, offset, canonical.unit)
    for bridge in _bridges(canonical):
        try:
            bridged = found if bridge is None else found * bridge
        except pint.PintError:  # a degree Celsius is no factor
            break
        if bridged.dimensionality == wanted.dimensionality:
            return _line(bridged, wanted, canonical.unit)
    raise unknown_unit(canonical.unit)


def _bridges(canonical: CanonicalUnit) -> Iterator[pint.Quantity[float] | None]:
    """What a value may be multiplied by to come from moles, mass or equivalents into another of them."""
    quantity = registry().Quantity
    yield None
    if canonical.molar_mass is not None:
        yield quantity(canonical.molar_mass, "gram / mole")
        yield quantity(1 / canonical.molar_mass, "mole / gram")
    if canonical.valence is not None:
        yield quantity(1 / canonical.valence, "mole / equivalents")
    if canonical.molar_mass is not None and canonical.valence is not None:
        yield quantity(canonical.molar_mass / canonical.valence, "gram / equivalents")


def _to_coherent(unit: str) -> Conversion:
    found = parse_ucum(unit)
    if any(_is_logarithmic(name) for name, _ in found.unit_items()):
        return Conversion(1.0, 0.0, _ANNOTATION.sub("", unit))  # a level has no line to another unit: it stays
    try:
        root = registry().Quantity(1.0, found.to_root_units().units)
    except (pint.PintError, OverflowError) as error:
        raise unknown_unit() from error
    return _line(found, root, _written(root))


def _is_logarithmic(name: str) -> bool:
    return not registry().Quantity(1.0, name)._is_multiplicative and "bel" in name


def _written(root: pint.Quantity[float]) -> str:
    items = ((name, float(power.real)) for name, power in root.unit_items() if name != "radian")
    powers = sorted((atoms().get(name, f"[{name}]"), int(power)) for name, power in items)
    return ".".join(atom if power == 1 else f"{atom}{power}" for atom, power in powers) or "1"


def _line(found: pint.Quantity[float], wanted: pint.Quantity[float], unit: str) -> Conversion:
    try:
        at_0, at_1 = (_moved(found, wanted, value) for value in (0.0, 1.0))
    except (pint.PintError, OverflowError, ZeroDivisionError) as error:
        raise unknown_unit(unit) from error
    slope = float(f"{at_1 - at_0:.15g}")
    if not math.isfinite(slope) or slope == 0.0:
        raise unknown_unit(unit)
    return Conversion(slope, at_0, unit)


def _moved(found: pint.Quantity[float], wanted: pint.Quantity[float], value: float) -> float:
    moved = registry().Quantity(value * found.magnitude, found.units).to(wanted.units)
    return float(moved.magnitude) / float(wanted.magnitude)
