"""What laboratories and vendors write where UCUM has another code, as far as it can mean one thing only."""

from typing import Final

_WHOLE: Final = {
    "K/uL": "10*3/uL",
    "K/mm3": "10*3/uL",
    "x10E3/uL": "10*3/uL",
    "x10E6/uL": "10*6/uL",
    **dict.fromkeys(("x10^9/L", "x10*9/L", "x10E9/L"), "10*9/L"),
    **dict.fromkeys(("x10^12/L", "x10*12/L", "x10E12/L"), "10*12/L"),
    **dict.fromkeys(("x10^3/uL", "x10*3/uL"), "10*3/uL"),
    **dict.fromkeys(("x10^6/uL", "x10*6/uL"), "10*6/uL"),
    **dict.fromkeys(("Gpt/L", "Gpt/l"), "10*9/L"),
    **dict.fromkeys(("Tpt/L", "Tpt/l"), "10*12/L"),
    **dict.fromkeys(("\u00b0C", "degC"), "Cel"),
    **dict.fromkeys(("\u00b0F", "degF"), "[degF]"),
    "bpm": "/min",
    "decimal": "1",  # an allele fraction in HL7's Genomics Reporting
}
"""Units that mean something as a whole: K is a thousand over a volume, where UCUM would read kelvins."""
_PER_MEGABASE: Final = "1/1000000{Base}"
"""As the Genomics Reporting of Germany's Medical Informatics Initiative writes a mutational burden."""
_BURDENS: Final = frozenset(
    f"{mutations}{per}{base}"
    for mutations in ("mutations", "mut", "muts", "{mutations}")
    for per in ("/", " per ")
    for base in ("megabase", "mb")
)
"""In lower case."""
_PARTS: Final = {
    **dict.fromkeys(("mmHg", "mm Hg"), "mm[Hg]"),
    **{f"{prefix}IU": f"{prefix}[IU]" for prefix in ("", "k", "m", "u")},
    **{f"mc{unit}": f"u{unit}" for unit in ("g", "L", "mol")},
    **dict.fromkeys(("cells", "cell"), "{cells}"),
    **dict.fromkeys(("beats", "beat"), "{beats}"),
    **dict.fromkeys(("breaths", "breath"), "{breaths}"),
    **dict.fromkeys(("thousand", "Thousand", "thousands"), "10*3"),
    **dict.fromkeys(("million", "Million", "millions"), "10*6"),
    **dict.fromkeys(("1.73m2", "1.73 m2", "1.73m^2", "1.73 m^2"), "{1.73_m2}"),
    **dict.fromkeys(("lb", "lbs"), "[lb_av]"),
    **dict.fromkeys(("in", "inches"), "[in_i]"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "wk"),
    **dict.fromkeys(("month", "months"), "mo"),
    **dict.fromkeys(("year", "years", "yr", "yrs"), "a"),
}
"""What stands between the strokes of a unit (`mcg/L`). UCUM lists most of these as names, none as a code
(ucum.org, tables 1 to 6; LOINC's table of example UCUM codes). `M/` and `G/` are left out: they may be thousands or
millions, grams or billions."""
_MICRO: Final = str.maketrans({"\u00b5": "u", "\u03bc": "u"})
"""The sign for micro, and the Greek letter."""


def ucum_of(unit: str) -> str:
    """The UCUM code of a unit that laboratories write otherwise; any other as it is."""
    plain = unit.strip().translate(_MICRO)
    if plain.casefold() in _BURDENS:
        return _PER_MEGABASE
    return _WHOLE.get(plain) or "/".join(_PARTS.get(part, part) for part in plain.split("/"))
