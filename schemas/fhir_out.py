"""A result as a FHIR R4B (and R4) collection Bundle (DESIGN §3.6). Pure: the same result gives the same Bundle."""

from schemas.canonical import derived_id
from schemas.fhir_findings import observations
from schemas.fhir_frame import AI_ASSERTED, OURS, STATUS, Json, code, resource, subject, urn, when
from schemas.fhir_narrative import conclusion, narrative
from schemas.fhir_origin import device, provenance
from schemas.fhir_risk import risk_assessment
from schemas.result import Result


def to_bundle(result: Result) -> Json:
    """The report first, then its findings, the prognosis, the model, and how it came to be said.

    Report, findings and prognosis keep their ids over all revisions of a patient; withdrawn, all three kinds are
    `entered-in-error` and carry no predicted value.
    """
    model = device(result)
    findings = observations(result, urn(model))
    risk = risk_assessment(result, urn(model), basis=urn(findings[-1]))
    report = _report(result, [urn(finding) for finding in findings])
    said = [report, *findings, risk]
    origin = provenance(result, urn(model), [urn(entry) for entry in said])
    return {
        "resourceType": "Bundle",
        "id": derived_id("fhir", "bundle", result.patient, result.id, str(result.history.revision)),
        "meta": {"security": [AI_ASSERTED]},
        "identifier": {"system": f"{OURS}/NamingSystem/result", "value": result.id},
        "type": "collection",
        **when(result, "timestamp"),
        "entry": [{"fullUrl": urn(entry), "resource": entry} for entry in [*said, model, origin]],
    }


def _identifiers(result: Result) -> list[Json]:
    """The result's id; and the revision, since a server counts versions of its own in `meta.versionId`."""
    revision = {"system": f"{OURS}/NamingSystem/revision", "value": str(result.history.revision)}
    return [{"system": f"{OURS}/NamingSystem/result", "value": result.id}, revision]


def _report(result: Result, findings: list[str]) -> Json:
    return {
        **resource(result, "DiagnosticReport", "report"),
        "text": {"status": "generated", "div": narrative(result)},
        "identifier": _identifiers(result),
        "status": STATUS[result.history.status],
        "code": code("report", "oncology-assessment", "Oncology assessment from several modalities, by AI"),
        "subject": subject(result),
        **when(result, "effectiveDateTime", "issued"),
        "result": [{"reference": finding} for finding in findings],
        "conclusion": conclusion(result),
    }
