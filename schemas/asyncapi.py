"""The AsyncAPI 3.0 document: which role reads and writes which topic, with which headers and messages."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schemas.envelope import envelope
from schemas.message import Message

Json = dict[str, Any]

FHIR_INPUTS = (
    "Bundle",
    "Condition",
    "DocumentReference",
    "MedicationAdministration",
    "MedicationStatement",
    "Observation",
    "Patient",
    "Procedure",
)
"""Resource types that enter on `fhir.observations`; a FHIR schema says the rest."""


@dataclass(frozen=True)
class _Topic:
    """One topic: its channel name, address, key, who writes and who reads it, and its messages with their payloads."""

    channel: str
    address: str
    key: str
    says: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    messages: tuple[tuple[str, Json], ...]
    compacted: bool = False


def _record(name: str) -> Json:
    return {
        "schemaFormat": "application/schema+json;version=draft-2020-12",
        "schema": {"$ref": f"./{name}.schema.json"},
    }


def _fhir(*kinds: str) -> Json:
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"enum": list(kinds)}},
    }


_ROLES_THAT_REFUSE = ("clinical", "imaging", "genomic", "assembly", "inference", "fhir")

_TOPICS = (
    _Topic(
        "observations", "fhir.observations", "any", "FHIR R4, R4B or R5 JSON from the hospital.",
        (), ("clinical",), (("fhirInput", _fhir(*FHIR_INPUTS)),),
    ),
    _Topic(
        "imaging", "imaging.events", "any", "A series became available, was corrected or withdrawn.",
        (), ("imaging",), (("imagingEvent", _record("imaging-event")), ("imagingStudy", _fhir("ImagingStudy"))),
    ),
    _Topic(
        "sequencing", "sequencing.events", "any", "An assay became available, was corrected or withdrawn.",
        (), ("genomic",),
        (("sequencingEvent", _record("sequencing-event")), ("molecularSequence", _fhir("MolecularSequence"))),
    ),
    _Topic(
        "evidence", "oncology.evidence", "patient|modality|source", "What each source says; a null value erases.",
        ("clinical", "imaging", "genomic", "assembly"), ("assembly",), (("evidence", _record("evidence")),),
        compacted=True,
    ),
    _Topic(
        "requests", "oncology.requests", "patient", "All that a result depends on, in one message.",
        ("assembly",), ("inference",), (("request", _record("request")),), compacted=True,
    ),
    _Topic(
        "results", "oncology.results", "patient", "What is said of a patient, one revision after another.",
        ("inference",), ("fhir",), (("result", _record("result")),), compacted=True,
    ),
    _Topic(
        "fhir", "oncology.fhir", "patient", "Each result as a FHIR R4B collection Bundle.",
        ("fhir",), (), (("fhirBundle", _fhir("Bundle")),), compacted=True,
    ),
    _Topic(
        "deadLetters", "oncology.dead-letters", "as it came", "What a role refused: original bytes, and why.",
        _ROLES_THAT_REFUSE, (), (("deadLetter", {}),),
    ),
)  # fmt: skip

_KINDS = {"evidence": "evidence", "request": "request", "result": "result", "fhirBundle": "fhir"}
"""Message -> the kind in its CloudEvents type."""


def asyncapi() -> Json:
    """The document, with JSON Schemas referred to as files beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "oncostream",
            "version": "1.0.0",
            "description": "A streaming processor for precision oncology. Research software; not a medical device.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.channel: _channel(topic) for topic in _TOPICS},
        "operations": {name: operation for topic in _TOPICS for name, operation in _operations(topic)},
        "components": {
            "messages": {name: _message(name, payload) for topic in _TOPICS for name, payload in topic.messages},
            "schemas": {f"{name}Headers": _headers(kind) for name, kind in _KINDS.items()},
        },
    }


def _channel(topic: _Topic) -> Json:
    policy = {"topicConfiguration": {"cleanup.policy": ["compact"]}} if topic.compacted else {}
    return {
        "address": topic.address,
        "description": f"{topic.says} Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, _ in topic.messages},
        "bindings": {"kafka": {"topic": topic.address, **policy, "bindingVersion": "0.5.0"}},
    }


def _operations(topic: _Topic) -> list[tuple[str, Json]]:
    """`<role>Sends<Channel>` and `<role>Receives<Channel>`, seen from oncostream."""
    where = {"$ref": f"#/channels/{topic.channel}"}
    messages = [{"$ref": f"#/channels/{topic.channel}/messages/{name}"} for name, _ in topic.messages]
    name = topic.channel[0].upper() + topic.channel[1:]
    sends = [(f"{role}Sends{name}", "send") for role in topic.writers]
    receives = [(f"{role}Receives{name}", "receive") for role in topic.readers]
    return [(key, {"action": act, "channel": where, "messages": messages}) for key, act in [*sends, *receives]]


def _message(name: str, payload: Json) -> Json:
    said: Json = {"name": name, "contentType": "application/json"}
    if name in _KINDS:
        said["headers"] = {"$ref": f"#/components/schemas/{name}Headers"}
    if name == "deadLetter":  # whatever bytes came, with whatever headers before ours
        return {"name": name, "contentType": "application/octet-stream", "headers": _record("dead-letter-headers")}
    return said | {"payload": payload}


def _headers(kind: str) -> Json:
    """The headers that `schemas.envelope` writes, all present, with the values that never vary."""
    epoch = datetime.fromtimestamp(0, UTC)
    cause = Message("", 0, 0, None, None, timestamp=epoch)
    written = envelope(kind=kind, identity="", subject="", role="", cause=cause, now=epoch)
    fixed = {name: value.decode() for name, value in written if name in ("ce_specversion", "ce_type", "content-type")}
    properties = {
        name: {"type": "string", "const": fixed[name]} if name in fixed else {"type": "string"} for name, _ in written
    }
    return {"type": "object", "properties": properties, "required": list(properties)}
