"""The one unit in which each common oncology code is held: UCUM, by LOINC number, with what chemistry needs."""

from dataclasses import dataclass
from typing import Final

LOINC: Final = "http://loinc.org"
"""The code system of every number below."""


@dataclass(frozen=True)
class CanonicalUnit:
    """The unit that one analyte's values are converted to, and what converts mass, moles and equivalents."""

    unit: str
    """UCUM. Where it holds `U`, the sender's `[IU]` and `[arb'U]` mean the same: one analyte has one arbitrary unit."""
    molar_mass: float | None = None
    """g/mol, as the laboratory counts it: urea nitrogen by its two N, phosphate by its P."""
    valence: int | None = None
    """Equivalents a mole."""
    of_moles: tuple[float, float] | None = None
    """(slope, offset) from mmol/mol, where a fraction by moles is another measurement than one in `unit`."""


_Table = dict[str, CanonicalUnit]


def _each(unit: str, *numbers: str, molar_mass: float | None = None, valence: int | None = None) -> _Table:
    return {f"{LOINC}|{number}": CanonicalUnit(unit, molar_mass, valence) for number in numbers}


_BLOOD_COUNT: _Table = {
    **_each("10*9/L", "6690-2", "26464-8", "777-3", "26515-7", "751-8", "753-4", "26499-4"),  # from leukocytes
    **_each(
        "10*9/L", "731-0", "26474-7", "742-7", "26484-6", "711-2", "26449-9", "704-7", "26444-0", "30394-1"
    ),  # the others
    **_each("10*12/L", "789-8", "26453-1"),  # erythrocytes
    **_each("g/dL", "718-7", "786-4", "28540-3"),  # haemoglobin, MCHC
    **_each("%", "4544-3", "20570-8", "788-0"),  # haematocrit, RDW
    **_each("%", "770-8", "26511-6", "736-9", "26478-8", "5905-5", "26485-3", "713-8", "26450-7", "706-2", "30180-4"),
    **_each("fL", "787-2", "30428-7", "32623-1", "28542-9", "32207-3"),  # MCV, MPV
    **_each("pg", "785-6", "28539-5"),  # MCH
}

_CHEMISTRY: _Table = {
    **_each("mg/dL", "2160-0", "38483-4", molar_mass=113.12),  # creatinine
    **_each("umol/L", "14682-9", molar_mass=113.12),
    **_each("mg/dL", "2345-7", "2339-0", molar_mass=180.156),  # glucose
    **_each("mmol/L", "14749-6", "15074-8", molar_mass=180.156),
    **_each("mg/dL", "1975-2", "1968-7", molar_mass=584.66),  # bilirubin, total and direct
    **_each("umol/L", "14631-6", molar_mass=584.66),
    **_each("mg/dL", "17861-6", molar_mass=40.078, valence=2),  # calcium
    **_each("mmol/L", "2000-8", "1995-0", molar_mass=40.078, valence=2),
    **_each("mg/dL", "19123-9", molar_mass=24.305, valence=2),  # magnesium
    **_each("mg/dL", "3094-0", molar_mass=28.014),  # urea nitrogen
    **_each("mg/dL", "3084-1", molar_mass=168.11),  # urate
    **_each("mg/dL", "2777-1", molar_mass=30.974),  # phosphate
    **_each("mg/dL", "2093-3", molar_mass=386.65),  # cholesterol
    **_each("ug/dL", "2498-4", molar_mass=55.845),  # iron
    **_each("mmol/L", "2951-2", molar_mass=22.990, valence=1),  # sodium
    **_each("mmol/L", "2823-3", molar_mass=39.098, valence=1),  # potassium
    **_each("mmol/L", "2075-0", molar_mass=35.453, valence=1),  # chloride
    **_each("mmol/L", "1963-8", "2028-9", valence=1),  # bicarbonate, carbon dioxide
    **_each("g/dL", "1751-7", "2885-2"),  # albumin, protein
    **_each("mg/dL", "3255-7"),  # fibrinogen
    **_each(
        "U/L", "2532-0", "14804-9", "14805-6", "1742-6", "1743-4", "1920-8", "6768-6", "2324-2", "1798-8", "3040-3"
    ),
    **_each("mg/L", "1988-5", "30522-7", "1952-1"),  # CRP, beta-2 microglobulin
    **_each("s", "5902-2", "14979-9"),  # prothrombin time, aPTT
    **_each("1", "6301-6"),  # INR
    **_each("mU/L", "3016-3"),  # thyrotropin
    # HbA1c, by the master equation of IFCC and NGSP (Hoelzel 2004; Weykamp 2008): 48 mmol/mol are 6.5 %, not 4.8 %
    f"{LOINC}|4548-4": CanonicalUnit("%", of_moles=(0.09148, 2.152)),
}

_TUMOUR_MARKER: _Table = {
    **_each("ng/mL", "2039-6", "2857-1", "1834-1", "2276-4"),  # CEA, PSA, AFP, ferritin
    **_each("U/mL", "10334-1", "24108-3", "6875-9", "17842-6"),  # CA 125, CA 19-9, CA 15-3, CA 27-29
    **_each("U/L", "19080-1", "21198-7"),  # hCG, beta hCG
}

_VITAL_SIGN: _Table = {
    **_each("kg", "29463-7", "3141-9"),
    **_each("cm", "8302-2", "3137-7"),
    **_each("kg/m2", "39156-5"),
    **_each("m2", "3140-1"),
    **_each("Cel", "8310-5"),
    **_each("mm[Hg]", "8480-6", "8462-4"),
    **_each("/min", "8867-4", "9279-1"),
    **_each("%", "2708-6", "59408-5"),
    **_each("mL/min/{1.73_m2}", "33914-3", "62238-1", "98979-8"),
    **_each("a", "30525-0"),
    **_each("1", "89247-1"),  # ECOG
}

_GENOMIC: _Table = {
    **_each("1", "81258-6", "82121-5"),  # allele fraction, depth
}

CANONICAL_UNITS: Final[_Table] = {**_BLOOD_COUNT, **_CHEMISTRY, **_TUMOUR_MARKER, **_VITAL_SIGN, **_GENOMIC}
"""`system|code` -> its canonical unit."""
