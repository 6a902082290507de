"""A medicine that the message refers to, and does not hold."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from schemas.errors import Reason, Refused
from schemas.evidence import Evidence, EvidenceStatus
from schemas.message import Message
from schemas.tokens import ObservationToken

GIVEN: dict[str, Any] = {
    **{"resourceType": "MedicationStatement", "id": "m", "status": "recorded", "dateAsserted": "2026-01-01"},
    "subject": {"reference": "Patient/p1"},
}
DRUG = {"resourceType": "Medication", "id": "d", "code": {"coding": [{"system": "urn:x", "code": "1"}]}}


def read(reference: dict[str, Any], release: str, *beside: dict[str, Any]) -> Evidence:
    r4 = {"medicationReference": reference, "status": "active"}
    given = GIVEN | (r4 if release == "4.0" else {"medication": {"reference": reference}})
    entries = [
        {"fullUrl": f"https://h.org/{one['resourceType']}/{one['id']}", "resource": one} for one in (given, *beside)
    ]
    value = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    sent = Message("o", 0, 7, None, value, timestamp=datetime(2026, 6, 1, tzinfo=UTC))
    (one,) = read_observation(sent, ClinicalRules(fhir_version=release)).evidence
    return one


def codes(one: Evidence) -> list[str]:
    return [token.code for token in one.tokens if isinstance(token, ObservationToken)]


@pytest.mark.parametrize("release", ["4.0", "5.0"])
@pytest.mark.parametrize(
    "reference",
    [
        pytest.param({"reference": "Medication/e"}, id="nowhere-in-the-message"),
        pytest.param({"reference": "https://other.org/Medication/d"}, id="on-another-server"),
        pytest.param({"reference": "#e"}, id="contained-nowhere"),
        pytest.param({}, id="without-an-address"),
        pytest.param({"identifier": {"system": "urn:x", "value": "7"}}, id="by-number"),
    ],
)
def test_a_medicine_that_is_not_there_is_the_words_that_name_it(reference: dict[str, Any], release: str) -> None:
    assert codes(read({**reference, "display": "Cisplatin  50 mg"}, release, DRUG)) == ["text|cisplatin 50 mg"]


@pytest.mark.parametrize("release", ["4.0", "5.0"])
def test_one_that_is_there_is_its_code(release: str) -> None:
    assert codes(read({"reference": "Medication/d", "display": "Cisplatin"}, release, DRUG)) == ["urn:x|1"]


def test_a_long_name_is_flagged_as_cut() -> None:
    assert read({"reference": "Medication/e", "display": "x" * 300}, "4.0").flags == ("text-cut",)


@pytest.mark.parametrize("reference", [{"reference": "Medication/e"}, {"reference": "Medication/e", "display": " "}])
def test_one_that_is_not_there_and_has_no_name_is_refused(reference: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        read(reference, "4.0", DRUG)
    assert (refused.value.reason, "send its coding" in refused.value.detail) == (Reason.NOT_FHIR, True)
    assert [one.status for one in refused.value.evidence] == [EvidenceStatus.UNREADABLE]
