"""A Bundle: its entries one by one, its own names, and what changes or deletes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fhir_messages import MEDICATION, OBSERVATION, PATIENT, RULES, bundle, coded, message, refusal

from model.intake.clinical import read_observation
from schemas.errors import Reason
from schemas.tokens import ObservationToken


def test_a_deletion_in_a_bundle_is_refused_and_costs_its_good_neighbours_nothing() -> None:
    deletions = [
        {"request": {"method": "DELETE", "url": url}}
        for url in ("Observation/o2", "http://a/fhir/Condition?code=1", "Encounter/e1")
    ]
    refused = refusal({"resourceType": "Bundle", "type": "transaction", "entry": deletions})
    assert (refused.reason, refused.evidence) == (Reason.UNSUPPORTED, ())
    both = bundle(OBSERVATION)
    refused = refusal(both | {"type": "transaction", "entry": [*both["entry"], *deletions]})
    assert refused.reason is Reason.UNSUPPORTED
    assert "2 of 3" in refused.detail
    assert [(one.source, one.status.value) for one in refused.evidence] == [("Observation/o1", "current")]


PARAMETERS = {"resourceType": "Parameters", "parameter": [{"name": "operation"}]}


@pytest.mark.parametrize(
    ("method", "resource", "kept"),
    [
        pytest.param("PATCH", PARAMETERS, ["Observation/o1"], id="a-patch"),
        pytest.param("PATCH", None, ["Observation/o1"], id="a-patch-without-its-content"),
        pytest.param("DELETE", OBSERVATION | {"id": "o2"}, ["Observation/o1"], id="what-is-deleted-is-not-current"),
        pytest.param("PATCH", OBSERVATION | {"id": "o2"}, None, id="what-a-patch-made-is-read"),
    ],
)
def test_a_change_that_does_not_say_what_is_now_is_refused(method: str, resource: Any, kept: list[str] | None) -> None:
    change = {"request": {"method": method, "url": "Observation/o2"}} | ({"resource": resource} if resource else {})
    both = bundle(OBSERVATION)
    content = both | {"type": "transaction", "entry": [*both["entry"], change]}
    if kept is None:
        read = read_observation(message(content), RULES).evidence
        assert [one.source for one in read] == ["Observation/o1", "Observation/o2"]
        return
    refused = refusal(content)
    assert (refused.reason, "1 of 2" in refused.detail) == (Reason.UNSUPPORTED, True)
    assert [one.source for one in refused.evidence] == kept


def test_a_bundle_inside_is_refused_where_it_would_be_read_and_costs_its_neighbours_nothing() -> None:
    good, inside = OBSERVATION | {"valueString": "1"}, OBSERVATION | {"id": "o2", "valueString": "2"}
    refused = refusal(bundle(good, bundle(bundle(inside))))
    assert (refused.reason, "1 of 2" in refused.detail) == (Reason.UNSUPPORTED, True)
    assert [(one.source, one.status.value) for one in refused.evidence] == [("Observation/o1", "current")]
    visit = {"resourceType": "Encounter", "subject": {"reference": "Patient/p1"}}
    assert read_observation(message(bundle(good, bundle(visit))), RULES).skipped == ("Bundle",)


def test_a_bad_entry_costs_its_good_neighbours_nothing() -> None:
    bad = OBSERVATION | {"id": "o2", "status": "zork", "meta": {"versionId": "4"}}
    refused = refusal(bundle(OBSERVATION | {"valueString": "1"}, bad, PATIENT))
    assert refused.reason is Reason.NOT_FHIR
    assert "1 of 3" in refused.detail
    assert [(one.source, one.status.value) for one in refused.evidence] == [
        ("Observation/o1", "current"),
        ("Observation/o2", "unreadable"),
        ("Patient/p1", "current"),
    ]
    assert refused.evidence[1].version == f"v{'4':0>20}"


def test_a_bundle_resolves_its_own_names_and_counts_what_it_skips() -> None:
    drug = {"resourceType": "Medication", "id": "d", "code": coded("1", "urn:x")}
    given = MEDICATION | {"medicationReference": {"reference": "Medication/d"}, "subject": {"reference": "urn:uuid:0"}}
    reading = read_observation(message(bundle(PATIENT, given, drug)), RULES)
    assert reading.skipped == ("Medication",)
    assert {one.patient for one in reading.evidence} == {"p1"}
    born, sex = reading.evidence[0].tokens
    assert (born.at, sex.at) == (datetime(1950, 5, 1, tzinfo=UTC),) * 2
    (token,) = reading.evidence[1].tokens
    assert isinstance(token, ObservationToken)
    assert token.code == "urn:x|1"
