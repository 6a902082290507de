"""Units against values worked out by hand, and against their own way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical_units import CANONICAL_UNITS, CanonicalUnit
from schemas.errors import Reason, Refused
from schemas.units import conversion_of, to_canonical

LOINC = "http://loinc.org|"


@pytest.mark.parametrize(
    ("number", "value", "unit", "expected"),
    [
        pytest.param("718-7", 140, "g/L", (14.0, "g/dL"), id="haemoglobin"),
        pytest.param("6690-2", 7200, "{cells}/uL", (7.2, "10*9/L"), id="count-a-microlitre"),
        pytest.param("6690-2", 7.2, "10*3/uL", (7.2, "10*9/L"), id="thousands-a-microlitre"),
        pytest.param("6690-2", 7.2, "10^9/L", (7.2, "10*9/L"), id="caret"),
        pytest.param("2160-0", 100, "umol/L", (1.1312, "mg/dL"), id="creatinine-by-molar-mass-113.12"),
        pytest.param("14682-9", 1.1312, "mg/dL", (100.0, "umol/L"), id="creatinine-the-other-way"),
        pytest.param("2345-7", 5.5, "mmol/L", (99.0858, "mg/dL"), id="glucose"),
        pytest.param("17861-6", 5, "meq/L", (10.0195, "mg/dL"), id="two-equivalents-a-mole-of-calcium"),
        pytest.param("2951-2", 140, "meq/L", (140.0, "mmol/L"), id="one-equivalent-a-mole-of-sodium"),
        pytest.param("2000-8", 5, "meq/L", (2.5, "mmol/L"), id="half-a-mole-of-calcium-an-equivalent"),
        pytest.param("2532-0", 3, "ukat/L", (180.0, "U/L"), id="katal"),
        pytest.param("2532-0", 250, "[IU]/L", (250.0, "U/L"), id="an-analyte-has-one-arbitrary-unit"),
        pytest.param("10334-1", 35, "k[IU]/L", (35.0, "U/mL"), id="ca-125"),
        pytest.param("8310-5", 98.6, "[degF]", (37.0, "Cel"), id="temperature-has-an-offset"),
        pytest.param("29463-7", 100, "[lb_av]", (45.359237, "kg"), id="pound"),
        pytest.param("4544-3", 0.42, "L/L", (42.0, "%"), id="percent"),
        pytest.param("4548-4", 48, "mmol/mol", (6.54304, "%"), id="hba1c-of-ifcc-by-the-master-equation"),
        pytest.param("4548-4", 0.065, "1", (6.5, "%"), id="hba1c-as-a-fraction-of-mass"),
        pytest.param("8867-4", 70, "{beats}/min", (70.0, "/min"), id="annotation"),
        pytest.param("89247-1", 1, "{score}", (1.0, "1"), id="an-annotation-alone-is-one"),
        pytest.param("89247-1", 1, "", (1.0, "1"), id="a-score-needs-no-unit"),
        pytest.param("0-0", 10, "mg/dL", (100.0, "g.m-3"), id="other-codes-are-coherent"),
        pytest.param("0-0", 7, "k[IU]/L", (7e6, "[IU].m-3"), id="arbitrary-units-keep-their-name"),
        pytest.param("0-0", 25, "Cel", (298.15, "K"), id="kelvin"),
        pytest.param("0-0", 7.4, "[pH]", (7.4, "[pH]"), id="pH-stays"),
        pytest.param("0-0", 20, "dB{left}", (20, "dB"), id="a-level-stays"),
        pytest.param("0-0", 7, "", (7, ""), id="no-unit-is-no-unit"),
    ],
)
def test_a_value_arrives_in_its_canonical_unit(
    number: str, value: float, unit: str, expected: tuple[float, str]
) -> None:
    got, canonical = to_canonical(LOINC + number, value, unit)
    assert got == pytest.approx(expected[0], rel=1e-11)
    assert canonical == expected[1]


@pytest.mark.parametrize(("code", "canonical"), CANONICAL_UNITS.items())
def test_what_is_in_its_canonical_unit_stays_to_the_last_bit(code: str, canonical: CanonicalUnit) -> None:
    assert to_canonical(code, 0.1 + 0.2, canonical.unit) == (0.1 + 0.2, canonical.unit)


def test_a_converted_value_has_12_digits() -> None:
    assert to_canonical(LOINC + "8310-5", 100, "[degF]") == (37.7777777778, "Cel")


@pytest.mark.parametrize(
    ("number", "unit"),
    [
        pytest.param("0-0", "zork", id="unknown"),
        pytest.param("0-0", "lbs", id="not-ucum"),
        pytest.param("0-0", "Cel/min", id="offset-in-a-product"),
        pytest.param("0-0", "10*999999999", id="a-number-that-fills-the-memory"),
        pytest.param("0-0", "m" + ".m" * 100, id="too-long"),
        pytest.param("0-0", "Ym9.Ym9", id="larger-than-any-double"),
        pytest.param("0-0", "ym9.ym9", id="smaller-than-any-double"),
        pytest.param("718-7", "", id="a-code-that-needs-a-unit"),
        pytest.param("718-7", "mmol/L", id="moles-without-a-molar-mass"),
        pytest.param("718-7", "%", id="another-dimension"),
        pytest.param("6690-2", "K/uL", id="kelvin-is-not-a-thousand"),
        pytest.param("2160-0", "meq/L", id="equivalents-without-a-valence"),
        pytest.param("2160-0", "Cel", id="a-temperature-where-moles-convert"),
        pytest.param("2160-0", "[pH]", id="a-logarithm-where-moles-convert"),
        pytest.param("6690-2", "[IU]/L", id="arbitrary-units-are-no-count"),
    ],
)
def test_a_unit_that_cannot_convert_is_refused(number: str, unit: str) -> None:
    with pytest.raises(Refused) as refused:
        to_canonical(LOINC + number, 1.0, unit)
    assert refused.value.reason is Reason.UNKNOWN_UNIT


PAIRS = [
    *[("14682-9", "umol/L", "2160-0", "mg/dL"), ("2000-8", "mmol/L", "17861-6", "mg/dL")],
    *[("8310-5", "Cel", "0-0", "K"), ("33914-3", "mL/min/{1.73_m2}", "0-0", "m3.s-1")],
]


@given(pair=st.sampled_from(PAIRS), value=st.floats(1e-3, 1e6))
def test_there_and_back_is_where_it_began(pair: tuple[str, str, str, str], value: float) -> None:
    here, unit_here, there, unit_there = pair
    moved, unit = to_canonical(LOINC + there, value, unit_here)
    assert unit == unit_there
    back, unit = to_canonical(LOINC + here, moved, unit_there)
    assert back == pytest.approx(value, rel=1e-9, abs=1e-8)
    assert unit == unit_here


def test_a_unit_is_read_once() -> None:
    assert conversion_of(f"{LOINC}2160-0", "umol/L") is conversion_of(f"{LOINC}2160-0", "umol/L")
