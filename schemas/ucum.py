"""UCUM as a pint registry in which every arbitrary unit is a dimension of its own.

`ucumvert` reads UCUM but defines `[IU]`, `[CFU]`, `eq` … as the number 1 (or as a mole), so that `/L` would pass for
`[IU]/L` and a milliequivalent of calcium for a millimole. UCUM says that these compare with nothing else.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Any

import pint
from lark.exceptions import LarkError
from ucumvert import UcumToPintTransformer, get_ucum_parser
from ucumvert.xml_util import get_metric_units, get_non_metric_units

from schemas.errors import Reason, Refused

_LONGEST = 64
_ARBITRARY = re.compile(r"^(\w+) = (?:1|1 \* 1|mol)(?= =|\s*$)", re.MULTILINE)
_ANNOTATION = re.compile(r"\{[\x21-\x7a\x7c\x7e]*?\}")
_HUGE_EXPONENT = re.compile(r"[^\d./(]-?\+?\d{3}|\d{8}")
"""`10*999999999` is valid UCUM and would fill the memory."""


def parse_ucum(unit: str) -> pint.Quantity[float]:
    """The unit as a quantity; raise Refused (`unknown-unit`) where UCUM has no such unit."""
    if not unit or len(unit) > _LONGEST or _HUGE_EXPONENT.search(_ANNOTATION.sub("", unit)):
        raise unknown_unit()
    parser, transformer = _reader()
    try:
        read = transformer.transform(parser.parse(unit))
    except (LarkError, pint.PintError, OverflowError, ZeroDivisionError) as error:
        raise unknown_unit() from error
    if not isinstance(read, pint.Quantity):
        return registry().Quantity(1.0, "")  # an annotation alone, such as {score}, is the number 1
    return registry().Quantity(float(read.magnitude), read.units)


def unknown_unit(wanted: str = "a UCUM unit") -> Refused:
    """The refusal of a unit that cannot be read, or cannot become `wanted`."""
    return Refused(Reason.UNKNOWN_UNIT, f"a value has a unit that does not convert, wanted {wanted}; send a UCUM code")


@lru_cache(maxsize=1)
def registry() -> pint.UnitRegistry[float]:
    """The registry of every unit that UCUM names."""
    made: pint.UnitRegistry[float] = pint.UnitRegistry()
    text = (resources.files("ucumvert") / "pint_ucum_defs.txt").read_text("utf-8")
    made.load_definitions([*_ARBITRARY.sub(r"\1 = [\1]", text).splitlines(), "pH_value = [pH_value]"])
    return made


@lru_cache(maxsize=1)
def atoms() -> dict[str, str]:
    """How UCUM writes each unit that others are made of: `{"gram": "g", "international_unit": "[IU]"}`."""
    written = {"gram": "g", "meter": "m", "second": "s", "mole": "mol", "kelvin": "K", "ampere": "A", "candela": "cd"}
    written |= {"radian": "rad", "bit": "bit"}
    for unit in sorted({*get_metric_units(), *get_non_metric_units()}):
        for name in _single_name(unit):
            written.setdefault(name, unit)
    return written


def _single_name(unit: str) -> Iterator[str]:
    try:
        parts = dict(parse_ucum(unit).unit_items())
    except Refused:
        return
    if list(parts.values()) == [1]:
        yield from parts


@lru_cache(maxsize=1)
def _reader() -> tuple[Any, Any]:
    return get_ucum_parser(), UcumToPintTransformer(ureg=registry())
