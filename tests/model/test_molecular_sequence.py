from datetime import UTC, datetime
from typing import Any

import pytest

from model.intake.molecular_sequence import InlineSequence, parse_molecular_sequence
from schemas.errors import Reason, Refused

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
META = {"lastUpdated": "2026-03-02T13:00:00+01:00", "versionId": "3"}
PLAIN = {"resourceType": "MolecularSequence", "id": "m-1", "meta": META, "type": "dna"}
R4 = PLAIN | {"patient": {"reference": "Patient/p-0042"}, "observedSeq": "acgt"}
R5 = PLAIN | {"subject": {"reference": "Patient/p-0042/_history/2"}, "literal": "acgt"}


@pytest.mark.parametrize("resource", [R4, R5], ids=["r4", "r5"])
def test_both_releases_say_the_same(resource: dict[str, Any]) -> None:
    version = "v00000000000000000003"
    expected = InlineSequence("p-0042", "MolecularSequence/m-1", version, NOON, is_protein=False, text="acgt")
    assert parse_molecular_sequence(resource) == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"patient": {}}, Reason.NO_PATIENT, id="no-patient"),
        pytest.param({"patient": {"reference": "Group/g"}}, Reason.NO_PATIENT, id="no-single-patient"),
        pytest.param({"subject": {"reference": "Patient/p-2"}}, Reason.TWO_PATIENTS, id="two-patients"),
        pytest.param({"meta": {}}, Reason.NO_TIME, id="no-time"),
        pytest.param({"meta": {"lastUpdated": "2026-03-02T13:00:00"}}, Reason.NO_TIME, id="a-time-without-offset"),
        pytest.param({"id": ""}, Reason.NOT_FHIR, id="no-id"),
    ],
)
def test_one_without_what_evidence_needs_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(Refused) as refusal:
        parse_molecular_sequence(R4 | changes)
    assert refusal.value.reason is reason
    assert "p-0042" not in refusal.value.detail


def test_a_patient_of_another_server_is_another_patient() -> None:
    """As the clinical role names them, so that one patient's evidence comes together and two patients' does not."""
    urls = [f"https://{server}.org/fhir/Patient/p-0042" for server in "ab"]
    assert [parse_molecular_sequence(R4 | {"patient": {"reference": url}}).patient for url in urls] == urls
