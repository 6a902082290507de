import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fhir.resources.R4B.bundle import Bundle

from schemas.evidence import Modality
from schemas.fhir_out import to_bundle
from schemas.fhir_patient import People
from schemas.fhir_render import render
from schemas.picture import Absence
from schemas.request import Cause, History, Status
from schemas.result import Content, Diagnosis, Doubt, EvidenceUsed, NextStep, Provenance, Result, Survival, result_of

VALIDATOR = Path(__file__).parents[3] / "shared" / "fhir-validator" / "validate"

PREDICTED: dict[str, Any] = {
    "diagnosis": Diagnosis(
        probabilities={"NSCLC": 0.912345, "SCLC": 0.087655}, conformal_set=("NSCLC",), alpha=0.1, threshold=0.85
    ),
    "prognosis": {
        "OS": Survival(
            edges_days=(365.0, 1095.0),
            survival=(0.8, 0.45),
            risk={"1y": 0.2, "3y": 0.55},
            median_days=980.0,
            median_interval_days=(700.0, None),
        )
    },
    "treatment": {"anti-PD-1": 0.415, "platinum": 0.3},
    "doubt": Doubt(total=0.31, data=0.2, imputation=0.06, model=0.03, shots=0.02, hardware=0.0),
}
SEEN = EvidenceUsed(
    modality=Modality.CLINICAL, source="Observation/1", hash="ab" * 32, occurred_at=datetime(2026, 3, 1, tzinfo=UTC)
)


def said(status: Status = Status.FINAL, revision: int = 1, **fields: Any) -> Result:
    content: dict[str, Any] = {
        "id": f"00000000-0000-5000-8000-00000000000{revision}",
        "patient": "p-0042",
        "asked_at": datetime(2026, 3, 2, 15, tzinfo=UTC),
        "evidence": (SEEN,),
        "imputed": (),
        "missing": {},
        "provenance": Provenance(
            model="small@0123456789ab",
            weights_sha256="01" * 32,
            settings_sha256="23" * 32,
            intended_use="Research on synthetic cohorts",
            quantum_backend="exact",
            quantum_reason="configured",
        ),
    }
    before = None if revision == 1 else f"00000000-0000-5000-8000-00000000000{revision - 1}"
    history = History(revision=revision, status=status, cause=Cause.QUORUM, supersedes=before)
    return result_of(Content(**(content | fields)), history)


IMPUTED: dict[str, Any] = {
    "imputed": (Modality.GENOMIC,),
    "missing": {Modality.GENOMIC: Absence.NEVER_SEEN, Modality.IMAGING: Absence.UNREADABLE},
    "next": (NextStep(modality=Modality.GENOMIC, expected_drop=0.12),),
    "review": ("imaging|series:<1.2>&\x01 unreadable",),
}
FINAL = said(**PREDICTED)
PRELIMINARY = said(Status.PRELIMINARY, **PREDICTED, **IMPUTED)
AMENDED = said(Status.AMENDED, revision=2, **PREDICTED, patient="MRN 12/7 é", truncated=True)
WITHDRAWN = said(Status.WITHDRAWN, revision=3, **PREDICTED, **IMPUTED, evidence=(), abstained="no-evidence")
ABSTAINED = said(**PREDICTED, abstained="low-confidence")
NOTHING = said(evidence=(), abstained="no-evidence")
ODD = said(patient="\x00 odd ", **PREDICTED)
SYSTEMS = (
    *("http://hospital.org/mrn", "https://a.org/x?y=1", "urn:mrn", "urn:oid:1.2.840.114350.1.13.0"),
    *("http://terminology.hl7.org/zork", "http://snomed.info/sct", "http://unitsofmeasure.org"),
)
STRANGE = (
    *(
        "mrn",
        "http://a b",
        "http://a/\u00e9",
        "urn:oid:abc",
        "urn:oid:1.2",
        "urn:oid:01.2.3.4",
        "urn:uuid:x",
        "ftp://a",
    ),
    *("urn:ietf:rfc:3986", "HTTP://a/b", "", "https://oncostream.org/fhir/NamingSystem/patient-percent-encoded"),
)
IDENTIFIED = [said(patient=f"{system}|a|b", **PREDICTED) for system in (*SYSTEMS, *STRANGE)]
ADDRESSES = (
    *("http://a/Patient/7", "https://fhir.example.org:8443/r4/tenant_1/~x/Patient/A-1.b", "http://10.0.0.1/Patient/1"),
    *("https://hapi.fhir.org/baseR4/Patient/7", "http://localhost/a.b/Patient/" + "1" * 64),
)
ODD_ADDRESSES = (
    *(
        "http://a?b/Patient/7",
        "http://a/#/Patient/7",
        "http://a/%zz/Patient/7",
        "http:///Patient/7",
        "http://a//Patient/7",
    ),
    *("http://u@a/Patient/7", "http://a:b/Patient/7", "http://\u00e9/Patient/7", "http://a/Patient/7/_history/1"),
    *("http://a/Patient/\u0661", "HTTP://a/Patient/7", "urn:uuid:0/Patient/7", "http://a/RelatedPerson/7"),
)
ADDRESSED = [said(patient=address, **PREDICTED) for address in (*ADDRESSES, *ODD_ADDRESSES)]
EACH = [FINAL, PRELIMINARY, AMENDED, WITHDRAWN, ABSTAINED, NOTHING, ODD]
IDS = ["final", "preliminary", "amended", "withdrawn", "abstained", "nothing", "odd"]


def resources(result: Result, kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in to_bundle(result)["entry"] if entry["resource"]["resourceType"] == kind]


def finding(result: Result, name: str) -> dict[str, Any]:
    return next(each for each in resources(result, "Observation") if each["code"]["coding"][0]["code"] == name)


def strings(value: Any, key: str) -> Iterator[str]:
    """Every string under `key`, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get(key), str):
            yield value[key]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings(item, key)


@pytest.mark.parametrize("result", EACH, ids=IDS)
def test_the_fhir_library_reads_every_bundle(result: Result) -> None:
    Bundle.model_validate_json(render(result))


@pytest.mark.slow
@pytest.mark.skipif(not VALIDATOR.exists(), reason="../shared/fhir-validator is absent")
@pytest.mark.parametrize("version", ["R4", "R4B"])
def test_the_validator_of_hl7_finds_no_error(version: str) -> None:
    wrong = to_bundle(FINAL) | {"type": "heap"}
    each = [*EACH, *IDENTIFIED, *ADDRESSED]
    lines = b"\n".join([*(render(result) for result in each), json.dumps(wrong).encode()])
    ran = subprocess.run([VALIDATOR, version, "-"], input=lines, capture_output=True, check=False)
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    errors = [row["errors"] for row in rows]
    assert errors[:-1] == [[]] * len(each), ran.stderr.decode()
    assert errors[-1], "the wrong Bundle at the end shows that errors are found"


@pytest.mark.parametrize("result", EACH, ids=IDS)
def test_every_reference_resolves_in_the_bundle_but_the_patient(result: Result) -> None:
    bundle = to_bundle(result)
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    assert urls == {f"urn:uuid:{entry['resource']['id']}" for entry in bundle["entry"]}
    assert len(urls) == len(bundle["entry"])
    assert set(strings(bundle, "reference")) - urls <= {"Patient/p-0042"}


SAYING = ("DiagnosticReport", "RiskAssessment", "Observation")
STATUSES = {"preliminary": PRELIMINARY, "final": FINAL, "amended": AMENDED, "entered-in-error": WITHDRAWN}


@pytest.mark.parametrize(("status", "result"), STATUSES.items(), ids=STATUSES)
def test_the_status_is_the_same_everywhere(status: str, result: Result) -> None:
    assert {each["status"] for kind in SAYING for each in resources(result, kind)} == {status}


def test_probabilities_are_percentages() -> None:
    (risk,) = resources(FINAL, "RiskAssessment")
    assert [each["probabilityDecimal"] for each in risk["prediction"]] == [20.0, 55.0]
    assert [each["whenRange"]["high"]["value"] for each in risk["prediction"]] == [1, 3]
    shares = [part["valueQuantity"] for part in finding(FINAL, "diagnosis")["component"]]
    assert [(share["value"], share["code"]) for share in shares] == [(91.2345, "%"), (8.7655, "%")]


def test_what_was_imputed_is_marked_on_every_finding_and_only_then() -> None:
    for each in [*resources(PRELIMINARY, "Observation"), *resources(PRELIMINARY, "RiskAssessment")]:
        assert [tag["code"] for tag in each["meta"]["tag"]] == ["genomic"]
        assert "Imputed, not measured: genomic." in [note["text"] for note in each["note"]]
    parts = finding(PRELIMINARY, "evidence")["component"]
    found = {part["code"]["coding"][0]["code"]: part["valueCodeableConcept"]["coding"][0]["code"] for part in parts}
    assert found == {"clinical": "measured", "imaging": "absent", "genomic": "imputed"}
    assert b"mputed" not in render(FINAL)


def test_a_withdrawn_result_repeats_no_prediction() -> None:
    assert "prediction" not in resources(WITHDRAWN, "RiskAssessment")[0]
    for each in resources(WITHDRAWN, "Observation"):
        assert not any(name.startswith(("value", "component")) for name in each)
    text = render(WITHDRAWN).decode()
    assert not [word for word in ("NSCLC", "anti-PD-1", "91.2", "980", "Imputed") if word in text]
    assert "withdrawn" in resources(WITHDRAWN, "DiagnosticReport")[0]["conclusion"]


def test_a_withdrawal_reaches_every_resource_that_said_something() -> None:
    before, after = ({each["id"] for kind in SAYING for each in resources(r, kind)} for r in (FINAL, WITHDRAWN))
    assert before == after


@pytest.mark.parametrize("result", [ABSTAINED, NOTHING], ids=["low-confidence", "no-evidence"])
def test_an_abstention_is_said_plainly(result: Result) -> None:
    (report,) = resources(result, "DiagnosticReport")
    assert report["conclusion"].startswith("No diagnosis is offered: the model abstained")
    assert report["conclusion"].removesuffix(" Research software; not a medical device.") in report["text"]["div"]
    diagnosis = finding(result, "diagnosis")
    assert diagnosis["dataAbsentReason"]["text"] == f"abstained: {result.abstained}"
    assert "valueCodeableConcept" not in diagnosis


def test_the_narrative_is_xhtml_whatever_a_sender_wrote() -> None:
    (report,) = resources(PRELIMINARY, "DiagnosticReport")
    words = " ".join(ElementTree.fromstring(report["text"]["div"]).itertext())
    assert "imaging|series:<1.2>&\ufffd unreadable" in words
    assert "Research software; not a medical device." in words


def test_every_resource_says_that_an_ai_asserted_it() -> None:
    for entry in to_bundle(FINAL)["entry"]:
        (label,) = entry["resource"]["meta"]["security"]
        assert label["code"] == "AIAST"


def subject_of(patient: str) -> dict[str, Any]:
    found: dict[str, Any] = resources(said(patient=patient), "DiagnosticReport")[0]["subject"]
    return found


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_patient_known_by_identifier_is_named_by_its_system_and_value(system: str) -> None:
    read = {"subject": {"identifier": {"system": system, "value": "a|b"}}}
    subject = subject_of(People().patient_of(read))
    assert subject == {"type": "Patient", "identifier": {"system": system, "value": "a|b"}}
    assert People().patient_of({"subject": subject}) == People().patient_of(read)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_patient_known_by_address_is_referred_to_by_it(address: str) -> None:
    subject = subject_of(People().patient_of({"subject": {"reference": f"{address}/_history/2"}}))
    assert subject == {"reference": address}
    assert People().patient_of({"subject": subject}) == address


@pytest.mark.parametrize("patient", [*(f"{system}|7" for system in STRANGE), "http://a| 7", *ODD_ADDRESSES, "urn:x|"])
def test_what_only_looks_like_an_identifier_is_one_value(patient: str) -> None:
    assert subject_of(patient)["identifier"] == {"value": patient}


def test_two_odd_patient_ids_stay_two_patients() -> None:
    encoded = "https://oncostream.org/fhir/NamingSystem/patient-percent-encoded|%20p%201"
    patients = ("p 1", " p 1", "p 1\x00", "p 1\ufffd", "%20p%201", "|p 1", "urn:x|p 1", "urn:x| p 1", encoded)
    subjects = [subject_of(patient) for patient in patients]
    assert not any("reference" in each for each in subjects)
    addresses = (*ADDRESSES, *ODD_ADDRESSES, "7", "Patient/7", "http://a|http://a/Patient/7", "http://a/Patient/7 ")
    subjects += [subject_of(patient) for patient in addresses]
    assert len({json.dumps(each) for each in subjects}) == len(patients) + len(addresses)
