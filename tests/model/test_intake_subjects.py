"""Whose a resource is, by reference, by number, and beside resources of other servers."""

import time
from typing import Any

import pytest
from fhir_messages import MEDICATION, MRN, OBSERVATION, PATIENT, RULES, bundle, coded, message, read_one, refusal

from model.intake.clinical import read_observation
from schemas.errors import Reason
from schemas.evidence import EvidenceStatus
from schemas.tokens import ObservationToken


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"subject": {"reference": "Patient/p1/_history/3"}}, "p1", id="versioned"),
        pytest.param({"subject": {"reference": "http://a/Patient/p1/_history/3"}}, "http://a/Patient/p1", id="url"),
        pytest.param({"subject": {"identifier": MRN}}, "7", id="our-system"),
        pytest.param({"subject": {"identifier": {"system": "urn:x", "value": "7"}}}, "urn:x|7", id="another-system"),
        pytest.param(
            {
                "subject": {"reference": "#p"},
                "contained": [{"resourceType": "Patient", "id": "p", "identifier": [MRN]}],
            },
            "7",
            id="contained",
        ),
        pytest.param(
            {
                "subject": {"reference": "#p"},
                "contained": [
                    {"resourceType": "Patient", "id": "p", "identifier": [MRN | {"use": "old", "value": "6"}, MRN]}
                ],
            },
            "7",
            id="by-the-number-that-is-not-old",
        ),
        *(
            pytest.param({"subject": {"reference": reference, "identifier": MRN}}, "7", id=f"{reference}-and-a-number")
            for reference in ("#p", "urn:uuid:9", "urn:oid:1.2")
        ),
        pytest.param(
            {
                "subject": {"reference": "#p", "identifier": MRN},
                "contained": [{"resourceType": "Patient", "id": "p", "name": [{"text": "x"}]}],
            },
            "7",
            id="contained-without-a-number",
        ),
        pytest.param({"subject": {"reference": "Patient/p1", "identifier": MRN}}, "p1", id="by-reference-first"),
    ],
)
def test_the_patient_is_found_however_it_is_named(fields: dict[str, Any], expected: str) -> None:
    assert read_one(OBSERVATION | fields).patient == expected


@pytest.mark.parametrize(
    "focus",
    [
        pytest.param({"reference": "Patient/p1"}, id="the-patient"),
        pytest.param({"reference": "Condition/c1"}, id="a-tumour"),
        pytest.param({"identifier": {"system": "urn:x", "value": "7"}}, id="something-by-number"),
    ],
)
def test_an_observation_may_look_at_its_patient_or_at_no_person(focus: dict[str, Any]) -> None:
    assert read_one(OBSERVATION | {"focus": [focus]}).patient == "p1"


def beside(*entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A Bundle of resources, each at its place on a server."""
    listed = [{"fullUrl": f"{at}/{one['resourceType']}/{one['id']}", "resource": one} for at, one in entries]
    return bundle() | {"entry": listed}


HERE, THERE = "https://a/fhir", "https://b/fhir"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(beside((HERE, PATIENT), (THERE, OBSERVATION)), id="the-one-beside-is-on-another"),
        pytest.param(beside((HERE, OBSERVATION), (THERE, OBSERVATION | {"id": "o2"})), id="neither-is-beside"),
        pytest.param(
            beside((HERE, OBSERVATION), (THERE, MEDICATION | {"subject": {"reference": "Patient/p1/_history/2"}})),
            id="in-a-version",
        ),
        pytest.param(
            beside(
                (HERE, PATIENT),
                (
                    THERE,
                    OBSERVATION
                    | {"subject": {"reference": f"{HERE}/Patient/p1"}, "focus": [{"reference": "Patient/p1"}]},
                ),
            ),
            id="as-its-focus",
        ),
        pytest.param(
            beside(
                (HERE, OBSERVATION),
                (
                    THERE,
                    {
                        **{"resourceType": "Encounter", "id": "e"},
                        "contained": [{"resourceType": "Specimen", "subject": {"reference": "Patient/p1"}}],
                    },
                ),
            ),
            id="of-a-specimen-inside",
        ),
    ],
)
def test_a_relative_reference_from_another_server_is_another_patient(content: dict[str, Any]) -> None:
    refused = refusal(content)
    assert (refused.reason, refused.evidence) == (Reason.TWO_PATIENTS, ())


@pytest.mark.parametrize(
    "content",
    [
        beside((HERE, PATIENT), (HERE, OBSERVATION)),
        beside((HERE, OBSERVATION), (HERE, MEDICATION | {"medicationCodeableConcept": coded("1", "urn:x")})),
        beside(("urn", PATIENT), (HERE, OBSERVATION)),
        beside((HERE, OBSERVATION)),
        OBSERVATION,
    ],
)
def test_on_one_server_a_patient_is_the_id_alone_in_a_bundle_and_out_of_it(content: dict[str, Any]) -> None:
    assert {one.patient for one in read_observation(message(content), RULES).evidence} == {"p1"}


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param({"medicationReference": {"reference": "Medication/d"}}, id="r4"),
        pytest.param(
            {
                "medication": {"reference": {"reference": "Medication/d"}},
                "occurenceDateTime": "2026-01-01T09:00:00Z",
                "effectiveDateTime": None,
            },
            id="r5",
        ),
    ],
)
def test_a_drug_of_another_server_is_not_the_one_that_was_given(reference: dict[str, Any]) -> None:
    given = {name: value for name, value in (MEDICATION | reference).items() if value is not None}
    ours, theirs = ({"resourceType": "Medication", "id": "d", "code": coded(one, "urn:x")} for one in ("1", "2"))
    (one,) = read_observation(message(beside((HERE, ours), (HERE, given))), RULES).evidence
    assert [token.code for token in one.tokens if isinstance(token, ObservationToken)] == ["urn:x|1"]
    for content in (beside((THERE, theirs), (HERE, given)), beside((HERE, ours), (HERE, given), (THERE, theirs))):
        refused = refusal(content)
        assert (refused.reason, "send its coding" in refused.detail) == (Reason.NOT_FHIR, True)
        assert [one.status for one in refused.evidence] == [EvidenceStatus.UNREADABLE]


def test_one_patient_may_come_in_versions_and_with_several_numbers() -> None:
    numbers = [MRN | {"use": "old", "value": "6"}, MRN, {"system": "urn:ssn", "value": "9"}]
    versions = [PATIENT | {"identifier": numbers[:count], "meta": {"versionId": str(count)}} for count in (1, 2, 3)]
    entries = [{"resource": one, "fullUrl": "http://a/Patient/p1"} for one in versions]
    named = [{"reference": "http://a/Patient/p1", "identifier": one} for one in (*numbers, {"value": "0"})]
    entries += [{"resource": OBSERVATION | {"subject": one}, "fullUrl": "http://a/Observation/o1"} for one in named]
    read = read_observation(message(bundle() | {"type": "history", "entry": entries}), RULES).evidence
    assert [one.patient for one in read] == ["p1"] * 7


@pytest.mark.parametrize("known", [{"id": "p1"}, {}], ids=["with-an-id", "without-one"])
def test_many_may_refer_to_a_patient_of_many_numbers(known: dict[str, Any]) -> None:
    numbers = [{"system": "urn:x", "value": str(number)} for number in range(30_000)]
    subject = {"reference": "urn:uuid:0", "identifier": numbers[0]}
    about = [{"resourceType": "Encounter", "subject": subject}] * 1000
    content = bundle({"resourceType": "Patient", "identifier": numbers} | known, *about)
    started = time.process_time()
    assert refusal(content).reason is Reason.TOO_LARGE
    assert time.process_time() - started < 2
