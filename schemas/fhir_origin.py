"""The model behind a result as a FHIR Device, and how the result came to be said as a Provenance."""

from collections.abc import Iterable

from schemas.canonical import derived_id
from schemas.fhir_frame import AI_ASSERTED, DISCLAIMER, OURS, Json, code, method, readable, when, withdrawn
from schemas.result import Result

_ROLES = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_ACTS = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_DEVICE_TYPES = "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS"

_NO_TIME: Json = {
    "_recorded": {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "not-applicable"}
        ]
    }
}
"""FHIR wants a time of recording, and nothing that has a time is left."""


def device(result: Result) -> Json:
    """The network, with the hashes that name it exactly: the same id in every Bundle it has a part in."""
    ran = result.provenance
    return {
        "resourceType": "Device",
        "id": derived_id("fhir", "device", ran.model, ran.weights_sha256, ran.settings_sha256),
        "meta": {"security": [AI_ASSERTED]},
        "status": "active",
        "manufacturer": "oncostream",
        "deviceName": [{"name": readable(ran.model), "type": "model-name"}],
        "version": [{"value": readable(ran.model.rpartition("@")[2])}],
        "type": {"coding": [{"system": _DEVICE_TYPES, "code": "Artificial-Intelligence"}], "text": "AI model"},
        "property": [
            _property("weights-sha256", "SHA-256 of the weights", ran.weights_sha256),
            _property("settings-sha256", "SHA-256 of the settings", ran.settings_sha256),
        ],
        "note": [{"text": DISCLAIMER}, {"text": f"Intended use: {readable(ran.intended_use) or 'none stated'}"}],
    }


def provenance(result: Result, device_url: str, targets: Iterable[str]) -> Json:
    """One revision's act: what it wrote, why, with which network, from which evidence, in place of what."""
    history = result.history
    return {
        "resourceType": "Provenance",
        "id": derived_id("fhir", "provenance", result.patient, result.id, str(history.revision)),
        "meta": {"security": [AI_ASSERTED]},
        "target": [{"reference": target} for target in targets],
        **(when(result, "occurredDateTime", "recorded") or _NO_TIME),
        "reason": [code("cause", history.cause.value, f"{history.cause.value}; {method(result)['text']}")],
        "activity": {"coding": [{"system": _ACTS, "code": _act(result)}]},
        "agent": [
            {"type": {"coding": [{"system": _ROLES, "code": "assembler"}]}, "who": {"reference": device_url}},
        ],
        **_entities(result),
    }


def _act(result: Result) -> str:
    if withdrawn(result):
        return "NULLIFY"
    return "CREATE" if result.history.supersedes is None else "UPDATE"


def _entities(result: Result) -> Json:
    """The evidence as sources and the revision before as revised; the list may not be empty in FHIR."""
    sources = [
        _entity("source", "evidence", f"{used.modality.value}|{used.source}", f"{used.modality.value} evidence")
        for used in result.evidence
    ]
    before = result.history.supersedes
    revised = [] if before is None else [_entity("revision", "result", before, "the revision before")]
    entities = [*revised, *sources]
    return {"entity": entities} if entities else {}


def _entity(role: str, system: str, value: str, display: str) -> Json:
    identifier = {"system": f"{OURS}/NamingSystem/{system}", "value": readable(value)}
    return {"role": role, "what": {"identifier": identifier, "display": display}}


def _property(name: str, text: str, value: str) -> Json:
    return {"type": code("property", name, text), "valueCode": [{"text": value}]}
