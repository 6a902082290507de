"""Units as laboratories write them: each is what UCUM says otherwise, and none is a code of UCUM itself."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from schemas import lab_units
from schemas.errors import Reason, Refused
from schemas.lab_units import ucum_of
from schemas.message import Message
from schemas.tokens import ObservationToken, VariantToken
from schemas.ucum import parse_ucum

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
LISTED = [*lab_units._WHOLE, *sorted(lab_units._BURDENS), *lab_units._PARTS]


def read(code: str, quantity: dict[str, Any], **fields: Any) -> ObservationToken | VariantToken:
    content = {
        **{"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p1"}},
        **{"code": {"coding": [{"system": LOINC, "code": code}]}, "effectiveDateTime": "2026-01-01"},
        **({"valueQuantity": quantity} if quantity else {}),
        **fields,
    }
    sent = Message("o", 0, 7, None, json.dumps(content).encode(), timestamp=datetime(2026, 6, 1, tzinfo=UTC))
    (token,) = read_observation(sent, ClinicalRules()).evidence[0].tokens
    return token


@pytest.mark.parametrize(
    ("code", "written", "value", "unit"),
    [
        pytest.param("8480-6", "mmHg", 5, "mm[Hg]", id="mmHg"),
        pytest.param("6690-2", "cells/uL", 0.005, "10*9/L", id="cells"),
        pytest.param("6690-2", "x10^9/L", 5, "10*9/L", id="times-ten-to-the-nine"),
        pytest.param("6690-2", "10*9/L", 5, "10*9/L", id="ucum"),
        pytest.param("6690-2", "10^9/L", 5, "10*9/L", id="ten-to-the-nine"),
        pytest.param("6690-2", "Gpt/l", 5, "10*9/L", id="giga-particles"),
        pytest.param("6690-2", "K/uL", 5, "10*9/L", id="thousands"),
        pytest.param("777-3", "Thousand/uL", 5, "10*9/L", id="thousands-in-words"),
        pytest.param("789-8", "x10E6/uL", 5, "10*12/L", id="millions"),
        pytest.param("2276-4", "mcg/L", 5, "ng/mL", id="micrograms"),
        pytest.param("14682-9", "\u00b5mol/L", 5, "umol/L", id="the-sign-for-micro"),
        pytest.param("14682-9", "\u03bcmol/L", 5, "umol/L", id="the-greek-letter"),
        pytest.param("1742-6", "IU/L", 5, "U/L", id="units-of-an-enzyme"),
        pytest.param("3016-3", "uIU/mL", 5, "mU/L", id="micro-units"),
        pytest.param("5902-2", "sec", 5, "s", id="seconds"),
        pytest.param("30525-0", "years", 5, "a", id="years"),
        pytest.param("8867-4", "bpm", 5, "/min", id="beats"),
        pytest.param("8310-5", "\u00b0C", 5, "Cel", id="degrees"),
        pytest.param("33914-3", "mL/min/1.73m2", 5, "mL/min/{1.73_m2}", id="filtration"),
        pytest.param("29463-7", "lbs", 2.26796185, "kg", id="pounds"),
        pytest.param("local", "IU/L", 5000, "[IU].m-3", id="an-arbitrary-unit-stays-one"),
    ],
)
@pytest.mark.parametrize("coded", [False, True], ids=["text", "code"])
def test_a_unit_in_a_laboratorys_words_is_its_ucum_code(
    code: str, written: str, value: float, unit: str, coded: bool
) -> None:
    token = read(code, {"value": 5, "unit": written, **({"system": UCUM, "code": written} if coded else {})})
    assert isinstance(token, ObservationToken)
    assert token.value == pytest.approx(value)
    assert token.unit == unit


@pytest.mark.parametrize(
    "unit",
    [
        *("mutations/megabase", "Mutations/Megabase", "Mutations/Mb", "mut/Mb", "{mutations}/Mb"),
        *("mutations per megabase", "1/1000000{Base}"),
    ],
)
def test_a_mutational_burden_is_read_in_every_usual_unit(unit: str) -> None:
    token = read("94076-7", {"value": 12, "system": UCUM, "code": unit})
    assert isinstance(token, VariantToken)
    assert token.value == 12


@pytest.mark.parametrize(("value", "unit"), [(0.44, "decimal"), (44, "%"), (0.44, "1")])
def test_an_allele_fraction_is_read_as_hl7_writes_it(value: float, unit: str) -> None:
    """`decimal`, without a code, stands in the guide's own example of a variant."""
    fraction = {"value": value, "unit": unit, "system": UCUM}
    part = {"code": {"coding": [{"system": LOINC, "code": "81258-6"}]}, "valueQuantity": fraction}
    token = read("69548-6", {}, component=[part])
    assert isinstance(token, VariantToken)
    assert token.vaf == pytest.approx(0.44)


@pytest.mark.parametrize("unit", ["M/uL", "10E9/L", "MG/L", "points", "G/L"])
def test_a_unit_that_may_mean_several_things_is_refused(unit: str) -> None:
    with pytest.raises(Refused) as refused:
        read("local", {"value": 5, "unit": unit})
    assert (refused.value.reason, "send a UCUM code" in refused.value.detail) == (Reason.UNKNOWN_UNIT, True)


def test_a_unit_in_another_system_is_refused_whatever_its_text_says() -> None:
    with pytest.raises(Refused) as refused:
        read("8480-6", {"value": 5, "unit": "mmHg", "system": "urn:x", "code": "mmHg"})
    assert refused.value.reason is Reason.UNKNOWN_UNIT


@pytest.mark.parametrize("written", LISTED)
def test_what_is_listed_is_a_unit_and_was_none(written: str) -> None:
    """So that nothing which UCUM reads is read otherwise; kelvins over a volume are the one exception."""
    parse_ucum(ucum_of(written))
    if written not in ("K/uL", "K/mm3"):
        with pytest.raises(Refused):
            parse_ucum(written)


@pytest.mark.parametrize(
    "unit", ["mg/dL", "10*9/L", "mm[Hg]", "{score}", "1", "%", "mL/min/{1.73_m2}", "", "Cel", "G/L"]
)
def test_any_other_unit_stays_as_it_is(unit: str) -> None:
    assert ucum_of(unit) == unit
