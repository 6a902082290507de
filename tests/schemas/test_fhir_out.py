import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fhir.resources.R4B.bundle import Bundle

from schemas.evidence import TIMELESS, Modality
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
TAKEN_BACK = said(Status.WITHDRAWN, revision=2, evidence=(), abstained="no-evidence", asked_at=None)
SURVIVAL_ALONE: dict[str, Any] = PREDICTED | {"diagnosis": None, "treatment": {}}
SURVIVAL = said(missing={Modality.GENOMIC: Absence.NEVER_SEEN}, **SURVIVAL_ALONE)
UNSURE = said(abstained="low-confidence", **SURVIVAL_ALONE)
LABELS = said(**PREDICTED | {"prognosis": {}})
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
EACH = [FINAL, PRELIMINARY, AMENDED, WITHDRAWN, ABSTAINED, NOTHING, ODD, TAKEN_BACK, SURVIVAL, UNSURE, LABELS]
IDS = [
    *("final", "preliminary", "amended", "withdrawn", "abstained", "nothing", "odd", "taken-back"),
    *("survival", "unsure-of-survival", "labels-alone"),
]


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


@pytest.mark.parametrize("time", [None, datetime(1970, 1, 1, tzinfo=UTC)], ids=["none", "as-until-2026-11-26"])
def test_a_result_without_a_time_states_none(time: datetime | None) -> None:
    result = said(Status.WITHDRAWN, revision=2, evidence=(), abstained="no-evidence", asked_at=time)
    assert "1970" not in render(result).decode()
    assert "timestamp" not in to_bundle(result)
    assert "Evidence up to" not in resources(result, "DiagnosticReport")[0]["text"]["div"]
    dated = ("effectiveDateTime", "issued", "occurrenceDateTime")
    assert not [name for kind in SAYING for each in resources(result, kind) for name in each if name in dated]
    (origin,) = resources(result, "Provenance")
    assert [name for name in origin if "ecorded" in name or "occurred" in name] == ["_recorded"]


def test_a_withdrawal_reaches_every_resource_that_said_something() -> None:
    before, after = ({each["id"] for kind in SAYING for each in resources(r, kind)} for r in (FINAL, WITHDRAWN))
    assert before == after


@pytest.mark.parametrize(
    ("result", "unsaid"),
    [
        pytest.param(ABSTAINED, "diagnosis", id="low-confidence"),
        pytest.param(NOTHING, "diagnosis or prognosis", id="no-evidence"),
    ],
)
def test_an_abstention_is_said_plainly(result: Result, unsaid: str) -> None:
    (report,) = resources(result, "DiagnosticReport")
    assert report["conclusion"].startswith(f"No {unsaid} is offered: the model abstained")
    assert report["conclusion"].removesuffix(" Research software; not a medical device.") in report["text"]["div"]
    diagnosis = finding(result, "diagnosis")
    assert diagnosis["dataAbsentReason"]["text"] == f"abstained: {result.abstained}"
    assert "valueCodeableConcept" not in diagnosis


def test_the_narrative_is_xhtml_whatever_a_sender_wrote() -> None:
    (report,) = resources(PRELIMINARY, "DiagnosticReport")
    words = " ".join(ElementTree.fromstring(report["text"]["div"]).itertext())
    assert "imaging: series:<1.2>&\ufffd unreadable" in words
    assert "Research software; not a medical device." in words


def test_every_resource_says_that_an_ai_asserted_it() -> None:
    for entry in to_bundle(FINAL)["entry"]:
        (label,) = entry["resource"]["meta"]["security"]
        assert label["code"] == "AIAST"


RICH = said(
    Status.PRELIMINARY,
    revision=2,
    evidence=(SEEN, SEEN),
    diagnosis=Diagnosis(
        probabilities={"AML": 0.1, "NSCLC": 0.75, "SCLC": 0.15},
        conformal_set=("NSCLC", "SCLC"),
        alpha=0.2,
        threshold=0.7,
    ),
    prognosis={
        "TTP": Survival(
            edges_days=(1.0,), survival=(1.0,), risk={}, median_days=None, median_interval_days=(None, None)
        ),
        **PREDICTED["prognosis"],
    },
    treatment={"platinum": 0.3, "anti-PD-1": 0.415},
    doubt=Doubt(total=0.21, data=0.1, imputation=0.05, model=0.03, shots=0.02, hardware=0.01),
    imputed=(Modality.GENOMIC,),
    missing={Modality.IMAGING: Absence.UNREADABLE, Modality.GENOMIC: Absence.NEVER_SEEN},
    next=(NextStep(modality=Modality.GENOMIC, expected_drop=0.12),),
    review=("imaging|s unreadable",),
    truncated=True,
)
WORDS = """
# Oncology assessment, revision 2 (preliminary)
Most probable: NSCLC (75.0 %). Research software; not a medical device.
To be known
- Imputed, not measured: genomic.
- The patient has more evidence than is read; the oldest was left out.
Probability of each diagnosis
- NSCLC: 75.0 %
- SCLC: 15.0 %
- AML: 10.0 %
Set meant to hold the true diagnosis of 80.0 % of patients: NSCLC, SCLC. It rules out no other.
Death of any cause (OS)
- Risk within 1 year: 20.0 %
- Risk within 3 years: 55.0 %
- Time to event: median 980 days (700 days to not reached in 80 % of the network's draws; patients spread more widely)
TTP
- Time to event: median not reached within 1 days
Probability of response (associations, no claim of a causal effect)
- anti-PD-1: 41.5 %
- platinum: 30.0 %
Doubt about the diagnosis: 0.210 nats (0 is certain, 1.099 is no idea), of data 0.100, imputation 0.050, model 0.030, \
shots 0.020, hardware 0.010.
Rests on
- clinical: 2 sources, of 2026-03-01
Missing
- genomic: never received, imputed
- imaging: received, but could not be read, not used by this network
What would lower the doubt most, if it came
- genomic: doubt expected to fall by 0.120 nats
For a person to review
- imaging: s unreadable
Model small@0123456789ab; fusion on exact (configured). Evidence up to 2026-03-02T15:00:00Z; risks count from then on.
"""
"""Reviewed by eye, beside `RICH`."""


def words_of(result: Result) -> list[str]:
    """The narrative as plain lines."""
    lines = []
    for part in ElementTree.fromstring(resources(result, "DiagnosticReport")[0]["text"]["div"]).iter():
        match part.tag.rpartition("}")[2]:
            case "h2":
                lines.append(f"# {part.text}")
            case "p":
                lines.append(part.text or "")
            case "li":
                lines.append(f"- {part.text}")
            case "tr":
                lines.append("- " + ": ".join(cell.text or "" for cell in part))
    return lines


def test_the_narrative_says_all_that_the_result_says_in_order() -> None:
    assert words_of(RICH) == WORDS.strip().splitlines()


def test_the_narrative_of_a_result_without_a_prediction_is_short() -> None:
    assert words_of(NOTHING) == [
        "# Oncology assessment, revision 1 (final)",
        "No diagnosis or prognosis is offered: the model abstained (no-evidence). "
        "Research software; not a medical device.",
        "To be known",
        "- Abstained (no-evidence): no diagnosis or prognosis is offered.",
        "Model small@0123456789ab; fusion on exact (configured). Evidence up to 2026-03-02T15:00:00Z.",
    ]
    empty = PREDICTED["diagnosis"].model_copy(update={"conformal_set": ()})
    aim = "Set meant to hold the true diagnosis of 90.0 % of patients"
    assert f"{aim}: none. It rules out no other." in words_of(said(diagnosis=empty))


def share(name: str, percent: float) -> dict[str, Any]:
    value = {"value": percent, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    return {"code": {"text": name}, "valueQuantity": value}


def nats(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "nat", "system": "http://unitsofmeasure.org", "code": "1"}


def test_each_finding_has_its_value_and_every_share_its_name() -> None:
    found = {name: finding(RICH, name) for name in ("diagnosis", "conformal-set", "treatment-response", "doubt")}
    assert not [name for name, each in found.items() if "dataAbsentReason" in each]
    assert found["diagnosis"]["valueCodeableConcept"] == {"text": "NSCLC"}
    assert found["diagnosis"]["component"] == [share("NSCLC", 75.0), share("SCLC", 15.0), share("AML", 10.0)]
    coverage, *members = found["conformal-set"]["component"]
    assert coverage["valueQuantity"] == share("", 80.0)["valueQuantity"]
    assert [member["valueCodeableConcept"]["text"] for member in members] == ["NSCLC", "SCLC"]
    assert "valueString" not in found["conformal-set"]
    assert found["treatment-response"]["component"] == [share("anti-PD-1", 41.5), share("platinum", 30.0)]
    assert found["doubt"]["valueQuantity"] == nats(0.21)
    parts = {part["code"]["text"]: part["valueQuantity"] for part in found["doubt"]["component"]}
    assert parts == {
        "From data": nats(0.1), "From imputation": nats(0.05), "From model": nats(0.03),
        "From shots": nats(0.02), "From hardware": nats(0.01),
    }  # fmt: skip
    said_of = [part["valueCodeableConcept"]["text"] for part in finding(RICH, "evidence")["component"]]
    assert said_of == [
        "measured: 2 sources, of 2026-03-01",
        "absent (unreadable)",
        "imputed, not measured (never-seen)",
    ]


def test_a_prognosis_names_its_outcome_its_years_and_its_medians() -> None:
    (risk,) = resources(RICH, "RiskAssessment")
    ends = ("2027-03-02T21:00:00Z", "2029-03-02T09:00:00Z")  # of 365.25 days a year
    for each, years, percent, end in zip(risk["prediction"], ("1 year", "3 years"), (20.0, 55.0), ends, strict=True):
        assert each == {
            "outcome": {"text": "Death of any cause (OS)"},
            "probabilityDecimal": percent,
            "whenPeriod": {"start": "2026-03-02T15:00:00Z", "end": end},
            "rationale": f"Within {years} of the newest evidence.",
        }
    notes = [note["text"] for note in risk["note"]]
    draws = "700 days to not reached in 80 % of the network's draws; patients spread more widely"
    assert notes[-2:] == [
        f"Death of any cause (OS): median 980 days ({draws}).",
        "TTP: median not reached within 1 days.",
    ]


@pytest.mark.parametrize(
    ("time", "dated"),
    [
        pytest.param(None, [False, False], id="no-time"),
        pytest.param(datetime(9997, 1, 1, tzinfo=UTC), [True, False], id="no-such-end"),
    ],
)
def test_a_risk_without_a_time_to_count_from_or_to_has_no_period(time: datetime | None, dated: list[bool]) -> None:
    (risk,) = resources(said(asked_at=time, **PREDICTED), "RiskAssessment")
    assert ["whenPeriod" in each for each in risk["prediction"]] == dated
    assert [each["rationale"].startswith("Within") for each in risk["prediction"]] == [True, True]


def test_every_number_of_an_abstained_claim_is_marked_where_it_stands() -> None:
    diagnosis = finding(ABSTAINED, "diagnosis")
    for each in [diagnosis, *diagnosis["component"]]:
        assert [coding["code"] for coding in each["interpretation"][0]["coding"]] == ["IND"]
    tagged = [each["meta"].get("tag", []) for kind in SAYING for each in resources(ABSTAINED, kind)]
    assert {tag["code"] for tags in tagged for tag in tags} == {"low-confidence"}
    assert all(tagged)
    assert "Probability of each diagnosis (not offered: the model abstained)" in words_of(ABSTAINED)
    assert "IND" not in json.dumps(to_bundle(FINAL))
    (risk,) = resources(UNSURE, "RiskAssessment")
    for each in risk["prediction"]:
        assert each["rationale"].endswith("Abstained (low-confidence): not offered.")
    assert "Death of any cause (OS) (not offered: the model abstained)" in words_of(UNSURE)


def test_a_network_of_survival_alone_that_does_not_abstain_is_not_said_to() -> None:
    text = render(SURVIVAL).decode()
    assert "bstain" not in text
    (report,) = resources(SURVIVAL, "DiagnosticReport")
    assert report["conclusion"].startswith(
        "Death of any cause (OS) within 3 years: probability 55.0 %. No diagnosis is predicted by this network."
    )
    reasons = [finding(SURVIVAL, name)["dataAbsentReason"] for name in ("diagnosis", "conformal-set")]
    assert {reason["coding"][0]["code"] for reason in reasons} == {"not-performed"}
    assert "- genomic: never received, not used by this network" in words_of(SURVIVAL)
    years = PREDICTED["prognosis"]["OS"].model_copy(update={"edges_days": (365.0, 700.0)})
    for result, about in (
        (SURVIVAL, "death of any cause (OS) within 2 years"),
        (said(**SURVIVAL_ALONE | {"prognosis": {"OS": years}}), "death of any cause (OS) within 700 days"),
    ):
        assert finding(result, "doubt")["code"]["text"] == f"Doubt about {about} (entropy)"
        assert any(
            words.startswith(f"Doubt about {about}: 0.310 nats (0 is certain, 0.693") for words in words_of(result)
        )


def test_an_abstention_of_survival_alone_is_about_the_prognosis() -> None:
    assert resources(UNSURE, "DiagnosticReport")[0]["conclusion"].startswith(
        "No prognosis is offered: the model abstained (low-confidence)."
    )
    (risk,) = resources(UNSURE, "RiskAssessment")
    assert "Abstained (low-confidence): no prognosis is offered." in [note["text"] for note in risk["note"]]


def test_a_network_without_endpoints_says_that_it_predicts_no_survival() -> None:
    (risk,) = resources(LABELS, "RiskAssessment")
    assert "prediction" not in risk
    assert risk["note"][-1]["text"] == "No survival is predicted by this network."
    silent = said(**PREDICTED | {"prognosis": {}, "diagnosis": None})
    assert finding(silent, "doubt")["dataAbsentReason"]["coding"][0]["code"] == "not-applicable"
    assert resources(silent, "DiagnosticReport")[0]["conclusion"].startswith(
        "No diagnosis is predicted by this network."
    )


def test_a_fall_of_the_doubt_that_rounds_to_nothing_is_told_as_small() -> None:
    steps = (NextStep(modality=Modality.IMAGING, expected_drop=0.0004),)
    assert "- imaging: doubt expected to fall by less than 0.001 nats" in words_of(said(**PREDICTED, next=steps))


def test_no_probability_is_written_as_certain() -> None:
    sure = Diagnosis(probabilities={"a": 0.99961, "b": 0.00039}, conformal_set=("a",), alpha=0.1, threshold=0.85)
    words = words_of(said(**PREDICTED | {"diagnosis": sure}))
    assert "- a: >99.9 %" in words
    assert "- b: <0.1 %" in words
    assert words[1].startswith("Most probable: a (>99.9 %).")


def test_the_evidence_says_of_when_it_is_and_what_was_read_in_part() -> None:
    old = SEEN.model_copy(update={"occurred_at": datetime(2021, 5, 6, tzinfo=UTC), "flags": ("text-cut",)})
    who = SEEN.model_copy(update={"occurred_at": datetime(1970, 1, 1, tzinfo=UTC), "flags": (TIMELESS,)})
    (clinical, *_) = finding(said(evidence=(who, old, SEEN), **PREDICTED), "evidence")["component"]
    told = "measured: 3 sources, of 2021-05-06 to 2026-03-01; 1 read in part"
    assert clinical["valueCodeableConcept"]["text"] == told
    (alone, *_) = finding(said(evidence=(who,), **PREDICTED), "evidence")["component"]
    assert alone["valueCodeableConcept"]["text"] == "measured: 1 source without a time"


@pytest.mark.parametrize(("status", "result"), STATUSES.items(), ids=STATUSES)
def test_who_it_is_about_when_and_by_what_stands_in_every_resource_that_says_something(
    status: str, result: Result
) -> None:
    (device,) = resources(result, "Device")
    for kind, time, by in (
        ("DiagnosticReport", "effectiveDateTime", None),
        ("RiskAssessment", "occurrenceDateTime", "performer"),
        ("Observation", "effectiveDateTime", "device"),
    ):
        for each in resources(result, kind):
            assert each["subject"] == subject_of(result.patient)
            assert each[time] == "2026-03-02T15:00:00Z"
            assert each["meta"]["versionId"] == str(result.history.revision)
            assert by is None or each[by] == {"reference": f"urn:uuid:{device['id']}"}
            assert kind == "DiagnosticReport" or each["method"]["text"].startswith(
                "small@0123456789ab; fusion on exact"
            )


@pytest.mark.parametrize(
    ("result", "noted"),
    [
        pytest.param(FINAL, [], id="nothing-to-note"),
        pytest.param(AMENDED, ["The patient has more evidence than is read; the oldest was left out."], id="truncated"),
        pytest.param(
            ABSTAINED,
            [
                "Abstained (low-confidence): no diagnosis is offered. "
                "Risks and responses have no threshold of their own."
            ],
            id="abstained",
        ),
    ],
)
def test_what_must_be_known_is_noted_beside_every_finding_and_nothing_else(result: Result, noted: list[str]) -> None:
    for each in resources(result, "Observation"):
        assert [note["text"] for note in each["note"]] == ["Research software; not a medical device.", *noted]


def test_a_finding_that_is_absent_says_so_in_the_code_system_of_fhir() -> None:
    found = {name: finding(NOTHING, name)["dataAbsentReason"] for name in ("diagnosis", "treatment-response", "doubt")}
    codes = {name: reason["coding"][0]["code"] for name, reason in found.items()}
    assert codes == {"diagnosis": "unknown", "treatment-response": "unknown", "doubt": "unknown"}
    unpredicted = finding(said(**PREDICTED | {"treatment": {}}), "treatment-response")
    assert unpredicted["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    systems = {reason["coding"][0]["system"] for reason in found.values()}
    assert systems == {"http://terminology.hl7.org/CodeSystem/data-absent-reason"}
    assert "component" not in finding(NOTHING, "diagnosis")
    empty = said(diagnosis=PREDICTED["diagnosis"].model_copy(update={"conformal_set": ()}))
    assert finding(empty, "conformal-set")["valueString"] == "empty: no label is plausible at this level"


@pytest.mark.parametrize(("result", "act"), [(FINAL, "CREATE"), (AMENDED, "UPDATE"), (WITHDRAWN, "NULLIFY")])
def test_the_provenance_says_what_was_done_to_what_in_place_of_what_and_from_what(result: Result, act: str) -> None:
    ((origin,), (device,)) = (resources(result, kind) for kind in ("Provenance", "Device"))
    assert origin["activity"]["coding"][0]["code"] == act
    assert origin["reason"][0]["coding"][0]["code"] == "quorum"
    assert origin["agent"][0]["who"] == {"reference": f"urn:uuid:{device['id']}"}
    targets = {target["reference"] for target in origin["target"]}
    assert targets == {f"urn:uuid:{each['id']}" for kind in SAYING for each in resources(result, kind)}
    told = [(each["role"], each["what"]["identifier"]["value"]) for each in origin.get("entity", [])]
    revised = [("revision", result.history.supersedes)] if result.history.supersedes else []
    assert told == [*revised, *[("source", "clinical|Observation/1") for _ in result.evidence]]


def test_the_report_lists_its_findings_and_the_prognosis_rests_on_the_evidence() -> None:
    (report,), (risk,) = (resources(FINAL, kind) for kind in ("DiagnosticReport", "RiskAssessment"))
    assert report["result"] == [{"reference": f"urn:uuid:{each['id']}"} for each in resources(FINAL, "Observation")]
    assert risk["basis"] == [{"reference": f"urn:uuid:{finding(FINAL, 'evidence')['id']}"}]
    bundle = to_bundle(FINAL)
    assert report["identifier"][1]["value"] == "1"
    assert resources(AMENDED, "DiagnosticReport")[0]["identifier"][1]["value"] == "2"
    assert {report["identifier"][0]["value"], bundle["identifier"]["value"]} == {FINAL.id}
    assert bundle["id"] != to_bundle(said(revision=2, id=FINAL.id, **PREDICTED))["id"]


def test_a_fallback_of_the_quantum_part_is_told_with_the_method() -> None:
    fell = FINAL.provenance.model_copy(update={"fallbacks": ("device:a:9->exact", "b->exact")})
    text = finding(said(provenance=fell), "doubt")["method"]["text"]
    assert text == "small@0123456789ab; fusion on exact (configured); fell back: device:a:9->exact, b->exact"


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


def test_an_id_that_fhir_allows_is_a_reference_and_one_that_no_text_can_hold_is_percent_encoded() -> None:
    assert subject_of("p-0042") == {"reference": "Patient/p-0042"}
    system = "https://oncostream.org/fhir/NamingSystem/patient-percent-encoded"
    assert subject_of("a/b\x00") == {"type": "Patient", "identifier": {"system": system, "value": "a%2Fb%00"}}


def test_two_odd_patient_ids_stay_two_patients() -> None:
    encoded = "https://oncostream.org/fhir/NamingSystem/patient-percent-encoded|%20p%201"
    patients = ("p 1", " p 1", "p 1\x00", "p 1\ufffd", "%20p%201", "|p 1", "urn:x|p 1", "urn:x| p 1", encoded)
    subjects = [subject_of(patient) for patient in patients]
    assert not any("reference" in each for each in subjects)
    addresses = (*ADDRESSES, *ODD_ADDRESSES, "7", "Patient/7", "http://a|http://a/Patient/7", "http://a/Patient/7 ")
    subjects += [subject_of(patient) for patient in addresses]
    assert len({json.dumps(each) for each in subjects}) == len(patients) + len(addresses)
