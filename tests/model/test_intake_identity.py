"""Who a patient is: after a merge of two records, and where an identifier could be taken for another."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.clinical import ClinicalRules, read_observation
from schemas.errors import Reason, Refused
from schemas.evidence import Evidence
from schemas.message import Message

RULES = ClinicalRules(patient_system="urn:mrn")
OLD: dict[str, Any] = {"resourceType": "Patient", "id": "old", "active": False, "gender": "female"}
LINK = {"other": {"reference": "Patient/new"}, "type": "replaced-by"}
MEASURED: dict[str, Any] = {
    **{"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/old"}},
    **{"code": {"text": "x"}, "valueString": "1", "effectiveDateTime": "2026-01-01"},
}


def pieces(*resources: dict[str, Any], bundled: bool = True) -> tuple[Evidence, ...]:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    value = json.dumps(bundle if bundled else resources[0]).encode()
    sent = Message("fhir.observations", 0, 7, None, value, timestamp=datetime(2026, 6, 1, tzinfo=UTC))
    return read_observation(sent, RULES).evidence


def patients(*resources: dict[str, Any], bundled: bool = True) -> set[str]:
    return {piece.patient for piece in pieces(*resources, bundled=bundled)}


def sources(*resources: dict[str, Any]) -> list[str]:
    return [piece.source for piece in pieces(*resources)]


@pytest.mark.parametrize(
    ("resources", "bundled"),
    [
        pytest.param((OLD | {"link": [LINK]}, MEASURED), True, id="in-a-bundle"),
        pytest.param((OLD | {"link": [{"other": {}, "type": "seealso"}, LINK]},), False, id="alone"),
        pytest.param((MEASURED | {"contained": [OLD | {"link": [LINK]}]},), False, id="contained"),
    ],
)
def test_what_comes_under_an_identity_that_was_replaced_is_refused(resources: Any, bundled: bool) -> None:
    with pytest.raises(Refused) as refused:
        patients(*resources, bundled=bundled)
    assert refused.value.reason is Reason.TWO_PATIENTS
    assert "send all of it with that one" in refused.value.detail
    assert refused.value.evidence == ()


@pytest.mark.parametrize("link", [[], [LINK | {"type": "replaces"}], [LINK | {"type": "seealso"}]])
def test_other_links_and_a_patient_who_is_not_active_are_read_as_any(link: list[Any]) -> None:
    assert patients(OLD | ({"link": link} if link else {}), MEASURED) == {"old"}


def subject(system: str, value: str) -> dict[str, Any]:
    return MEASURED | {"subject": {"identifier": {"system": system, "value": value}}}


def test_no_number_of_one_system_is_that_of_another() -> None:
    """A patient's own number stands alone, one of another system behind its system and a bar."""
    (ours,), (theirs,) = patients(subject("urn:mrn", "urn:x|7")), patients(subject("urn:x", "7"))
    assert (ours, theirs) == ("urn:mrn|urn:x|7", "urn:x|7")
    numbers = [{"system": "urn:x", "value": "8"}, {"system": "urn:mrn", "value": "urn:x|7"}]
    assert patients({"resourceType": "Patient", "identifier": numbers}) == {ours}


def test_no_address_is_the_number_of_a_system() -> None:
    assert patients(subject("http://a", "b/Patient/1")) == {"http://a|b/Patient/1"}
    with pytest.raises(Refused) as refused:
        patients(MEASURED | {"subject": {"reference": "http://a|b/Patient/1"}})
    assert refused.value.reason is Reason.NO_PATIENT


def test_of_two_servers_that_give_one_id_the_identifier_keeps_apart_what_the_id_does_not() -> None:
    """As `docs/inputs.md` tells senders to do; ids alone are one source, so that a correction may come alone."""
    numbered = {name: value for name, value in MEASURED.items() if name != "id"}
    north, south = (numbered | {"identifier": [{"system": f"https://{one}", "value": "1"}]} for one in ("n", "s"))
    assert sources(north, south) == ["Observation/https://n|1", "Observation/https://s|1"]
    assert sources(MEASURED, MEASURED | {"valueString": "2"}) == ["Observation/o", "Observation/o"]


def asking(query: str) -> dict[str, Any]:
    return MEASURED | {"subject": {"reference": f"Patient?{query}"}}


@pytest.mark.parametrize(
    ("query", "patient"),
    [
        pytest.param("identifier=urn:mrn|7", "7", id="our-system"),
        pytest.param("identifier=urn:x|7", "urn:x|7", id="another-system"),
        pytest.param("identifier=http%3A%2F%2Fh.org%2Fid%7C7%208", "http://h.org/id|7 8", id="with-escapes"),
    ],
)
def test_a_conditional_reference_is_the_identifier_that_it_asks_for(query: str, patient: str) -> None:
    system, _, value = patient.rpartition("|")
    assert patients(asking(query)) == {patient} == patients(subject(system or "urn:mrn", value))


@pytest.mark.parametrize(
    "query",
    [
        *("identifier=7", "identifier=|7", "identifier=urn:mrn|", "identifier=urn:mrn|7,urn:mrn|8", "identifier="),
        *("identifier=urn:mrn|7&active=true", "identifier:not=urn:mrn|7", "name=urn:mrn|7", "_id=7", ""),
        *("identifier=urn:mrn|7%2C8", "identifier=urn:mrn|7+8", "identifier=urn:mrn|7\\,8", "identifier=a|b|c"),
    ],
)
def test_any_other_search_names_nobody(query: str) -> None:
    with pytest.raises(Refused) as refused:
        patients(asking(query))
    assert (refused.value.reason, refused.value.evidence) == (Reason.NO_PATIENT, ())


@pytest.mark.parametrize(
    "focus", ["Patient?identifier=urn:mrn|8", "Patient?name=x", "RelatedPerson?identifier=urn:mrn|8"]
)
def test_one_who_is_looked_at_by_a_search_is_not_the_subject(focus: str) -> None:
    with pytest.raises(Refused) as refused:
        patients(MEASURED | {"focus": [{"reference": focus}]})
    assert refused.value.reason in (Reason.TWO_PATIENTS, Reason.UNSUPPORTED)


def test_two_searches_in_one_message_are_two_patients() -> None:
    with pytest.raises(Refused) as refused:
        patients(asking("identifier=urn:mrn|7"), asking("identifier=urn:mrn|8") | {"id": "o2"})
    assert (refused.value.reason, refused.value.evidence) == (Reason.TWO_PATIENTS, ())


def test_a_version_with_a_number_stands_and_one_updated_stands_over_one_that_says_neither() -> None:
    """As `docs/inputs.md` tells senders: give `versionId` always or never."""
    metas: list[dict[str, Any]] = [{}, {"lastUpdated": "2026-01-02T00:00:00Z"}, {"versionId": "1"}]
    said = [pieces(MEASURED | ({"meta": meta} if meta else {}) | {"status": "corrected"})[0] for meta in metas]
    assert [piece.version[0] for piece in said] == ["t", "u", "v"]
    assert sorted(said, key=lambda piece: piece.rank) == said
