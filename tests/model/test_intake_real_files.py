"""HL7's own examples, as files."""

from pathlib import Path

import pytest
from fhir_messages import message, refusal

from model.intake.clinical import ClinicalRules, read_observation
from schemas.errors import Reason

REAL = Path(__file__).parents[3] / "shared" / "data" / "fhir"
EXPECTED = {
    "diagnosticreport-example": (Reason.NO_TIME, Reason.NO_TIME),
    "documentreference-example": ("DocumentReference/example", Reason.NOT_FHIR),
    "medicationadministration0301": ("MedicationAdministration/medadmin0301", Reason.NOT_FHIR),
    "medicationstatementexample1": ("MedicationStatement/example001", Reason.NOT_FHIR),
    "observation-decimal": (Reason.NO_PATIENT, Reason.NO_PATIENT),
    "observation-example": ("Observation/example", "Observation/example"),
    "riskassessment-example": (Reason.UNSUPPORTED, Reason.UNSUPPORTED),
}
"""What HL7's examples give as R4B and as R5. A Bundle of reports has Observations without a time of their own."""


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real FHIR at {REAL}")
@pytest.mark.parametrize(("version", "column"), [("4.3", 0), ("5.0", 1)])
@pytest.mark.parametrize("prefix", ["r4b", "r5"])
@pytest.mark.parametrize("name", EXPECTED)
def test_real_files_end_in_evidence_or_the_right_refusal(name: str, prefix: str, version: str, column: int) -> None:
    content, expected = (REAL / f"{prefix}-{name}.json").read_bytes(), EXPECTED[name][column]
    rules = ClinicalRules(fhir_version=version)
    if isinstance(expected, Reason):
        assert refusal(content, rules).reason is expected
    else:
        assert [one.source for one in read_observation(message(content), rules).evidence] == [expected]
