"""JSON Schemas (draft 2020-12) of every record that travels, from the types that run, and the AsyncAPI document."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core.core_schema import ComputedField, DataclassField, ModelField, TypedDictField

from schemas.asyncapi import asyncapi
from schemas.dead_letter import PREFIX, DeadLetter
from schemas.events import ImagingEvent, SequencingEvent
from schemas.evidence import Evidence
from schemas.record import Record
from schemas.request import Request
from schemas.result import Result

Json = dict[str, Any]

_ROOT = "https://oncostream.org/schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_RECORDS: dict[str, tuple[type[Record], JsonSchemaMode]] = {
    "imaging-event": (ImagingEvent, "validation"),
    "sequencing-event": (SequencingEvent, "validation"),
    "evidence": (Evidence, "serialization"),
    "request": (Request, "serialization"),
    "result": (Result, "serialization"),
}
"""What senders write is described as we read it, what we write as we write it."""


class _WrittenOut(GenerateJsonSchema):
    """Every field is there, as `Result.to_json` writes it; other records leave out what has its default."""

    def field_is_required(
        self, field: ModelField | DataclassField | TypedDictField | ComputedField, total: bool
    ) -> bool:
        return True


def write_schemas(out: Path) -> list[Path]:
    """Write `<record>.schema.json` of each record and `asyncapi.json` into `out`; give their paths."""
    out.mkdir(parents=True, exist_ok=True)
    documents = {f"{name}.schema.json": schema for name, schema in schemas().items()} | {"asyncapi.json": asyncapi()}
    for name, document in documents.items():
        (out / name).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [out / name for name in documents]


def schemas() -> dict[str, Json]:
    """The JSON Schema of each record, by its name."""
    made = {name: _schema(name, record, mode) for name, (record, mode) in _RECORDS.items()}
    return made | {"dead-letter-headers": _dead_letter_headers()}


def _schema(name: str, record: type[Record], mode: JsonSchemaMode) -> Json:
    generator = _WrittenOut if record is Result else GenerateJsonSchema
    return _head(name) | record.model_json_schema(mode=mode, schema_generator=generator)


def _dead_letter_headers() -> Json:
    """The headers that follow the original ones, by name; a header is text, so a number is digits."""
    made = TypeAdapter(DeadLetter).json_schema(mode="serialization")
    properties = {PREFIX + name: _as_text(field) for name, field in made["properties"].items()}
    required = [PREFIX + name for name in made["required"]]
    return _head("dead-letter-headers") | made | {"properties": properties, "required": required}


def _as_text(field: Json) -> Json:
    if field.get("type") != "integer":
        return field
    return field | {"type": "string", "pattern": "^[0-9]+$"}


def _head(name: str) -> Json:
    return {"$schema": _DIALECT, "$id": f"{_ROOT}/{name}.schema.json"}
