"""Settings: one typed class a concern, from ONCOSTREAM_* or one TOML file (ONCOSTREAM_CONFIG), read once at start."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails, to_jsonable_python
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from schemas.utf8 import is_utf8
from streams.addresses import kafka_address, redis_address
from streams.kafka_settings import KafkaSettings
from streams.path_settings import PATHS, PathSettings, SetPath, spelled_out
from streams.quantum_settings import QuantumSettings
from streams.trigger_settings import TriggerSettings


class WrongSettings(Exception):  # noqa: N818  an answer to whoever set them
    """A setting cannot be used; the message says which, what was found and what is wanted, in one line."""


class Places(PathSettings):
    """Where everything is."""

    model_config = SettingsConfigDict(env_prefix="ONCOSTREAM_", frozen=True, extra="forbid")

    kafka: Annotated[str, AfterValidator(kafka_address)] = "127.0.0.1:9092"
    """Bootstrap servers, `host:port`, separated by commas."""
    redis: Annotated[str, AfterValidator(redis_address)] = "redis://127.0.0.1:6379/0"
    """URL of Redis or Valkey; `rediss://` for TLS."""
    model: Annotated[str, AfterValidator(spelled_out)] = "default"
    """Folder of a trained network, or the name of one that ships."""
    home: SetPath = Path.home() / ".oncostream"
    """Folder of everything local: broker, cache, demo cohort."""
    files_allow: str = ""
    """Where files may come from: folders, `https://host`, `s3://bucket`, separated by commas."""
    input_key: Literal["any", "patient"] = "any"
    """`patient`: refuse an input whose key is not the patient inside."""
    notes_encoder: SetPath | None = None
    """Folder of a sentence encoder that reads notes; None leaves their text in tokens."""
    backbones: SetPath | None = None
    """Folder of frozen encoders of images and DNA, for a network that was trained behind one."""


class InputSettings(BaseSettings):
    """How inputs are read."""

    model_config = SettingsConfigDict(env_prefix="ONCOSTREAM_INPUT_", frozen=True, extra="forbid")

    fhir_version: Literal["4.0", "4.3", "5.0"] | None = None
    """Where no content-type header names one; None tries R4B, then R5."""
    patient_system: str | None = None
    """Identifier system whose value is the patient id; also the issuer that a DICOM header is held to."""
    max_bytes: int = Field(default=8_000_000, ge=1_000)
    """Largest message."""
    max_file_bytes: int = Field(default=50_000_000_000, ge=1_000)
    """Largest file by reference."""


class PredictionSettings(BaseSettings):
    """How results are worded."""

    model_config = SettingsConfigDict(env_prefix="ONCOSTREAM_PREDICT_", frozen=True, extra="forbid")

    threshold: float = Field(default=0.85, ge=0, le=1)
    """Confidence under which a result abstains."""


class WebSettings(BaseSettings):
    """Where /metrics, /health and /ready are."""

    model_config = SettingsConfigDict(env_prefix="ONCOSTREAM_WEB_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """0 takes a free one."""
    stuck_after: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(seconds=1))
    """/health fails when a batch has been in work for so long."""


@dataclass(frozen=True)
class Settings:
    """Everything that is set."""

    places: Places
    kafka: KafkaSettings
    trigger: TriggerSettings
    input: InputSettings
    predict: PredictionSettings
    quantum: QuantumSettings
    web: WebSettings


_FILE = "ONCOSTREAM_CONFIG"
"""Names the TOML file."""
_CONCERNS: dict[str, type[BaseSettings]] = {
    "places": Places,
    "kafka": KafkaSettings,
    "trigger": TriggerSettings,
    "input": InputSettings,
    "predict": PredictionSettings,
    "quantum": QuantumSettings,
    "web": WebSettings,
}


def read_settings() -> Settings:
    """Read the TOML file of ONCOSTREAM_CONFIG, if any, and the environment over it; raise `WrongSettings`."""
    _require_readable_environment()
    tables = _toml_tables()
    unknown = sorted(set(tables) - set(_CONCERNS))
    if unknown:
        raise WrongSettings(f"ONCOSTREAM_CONFIG has [{unknown[0]}]; wanted one of {', '.join(sorted(_CONCERNS))}")
    bare = sorted(name for name, table in tables.items() if not isinstance(table, dict))
    if bare:
        raise WrongSettings(f"ONCOSTREAM_CONFIG has {bare[0]} = ...; wanted a table [{bare[0]}]")
    return Settings(**{name: _read(concern, tables.get(name, {})) for name, concern in _CONCERNS.items()})


def _require_readable_environment() -> None:
    """A name of ours that is not in capitals would be read, and lose to the file's: it is another name."""
    ours = {f"{_prefix(concern)}{field}".upper() for concern in _CONCERNS.values() for field in concern.model_fields}
    for name, value in os.environ.items():
        if name.upper() not in ours | {_FILE}:
            continue
        if not name.isupper():
            raise WrongSettings(f"{name}: found a name that is not in capitals; wanted {name.upper()}")
        if not is_utf8(value):
            raise WrongSettings(f"{name}: found bytes that are not UTF-8; wanted text")


def set_where_nothing_is(values: Mapping[str, str]) -> None:
    """Put these into the environment, but for what the environment or the file of ONCOSTREAM_CONFIG sets already."""
    concerns = vars(read_settings()).values()
    taken = {f"{_prefix(type(one))}{field}".upper() for one in concerns for field in one.model_fields_set}
    os.environ.update({name: value for name, value in values.items() if name not in taken})


def _prefix(concern: type[BaseSettings]) -> str:
    return concern.model_config.get("env_prefix", "")


def _read(concern: type[BaseSettings], table: dict[str, Any]) -> Any:
    prefix = _prefix(concern)
    over = {key: value for key, value in table.items() if not _in_environment(key, f"{prefix}{key}".upper())}
    try:
        return concern(**over)
    except ValidationError as error:
        first = error.errors()[0]
        field, *inside = map(str, first["loc"] or ("*",))
        place = f" ({'.'.join(inside)})" if inside else ""
        found = "a secret" if _may_be_secret(first) else repr(to_jsonable_python(first["input"], fallback=str))[:80]
        said = "there is no setting of this name" if first["type"] == "extra_forbidden" else first["msg"]
        raise WrongSettings(f"{prefix}{field.upper()}{place}: found {found}; {said}") from None
    except SettingsError as error:  # a list or a table in the environment
        name = (prefix + str(error).split('"')[1]).upper()
        raise WrongSettings(f'{name}: found no JSON; wanted a list, as ["genomic"], or a table in JSON') from None


def _in_environment(key: str, name: str) -> bool:
    return name in os.environ and not (key in PATHS and os.environ[name] == "")


def _may_be_secret(error: ErrorDetails) -> bool:
    """A password or a URL with one; or the text under a name that is not ours, which may be a password's misspelt."""
    field = str(error["loc"][0]) if error["loc"] else ""
    unknown = error["type"] == "extra_forbidden" and not isinstance(error["input"], int | float)
    return "password" in field or field == "redis" or unknown


def _toml_tables() -> dict[str, Any]:
    if not (path := os.environ.get(_FILE)):
        return {}
    try:
        return tomllib.loads(Path(spelled_out(path)).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # not there, not UTF-8, not TOML
        raise WrongSettings(f"ONCOSTREAM_CONFIG: found {path}; wanted a readable TOML file ({error})") from None
