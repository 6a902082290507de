"""One line of `events.ndjson` as the message that a bus would have carried."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationError

from schemas.errors import Reason, Refused
from schemas.message import Message
from schemas.record import Record
from schemas.strict_json import strict_json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The timestamp of a record that carries no time and is given none."""

_TIMES = ("occurred_at", "timestamp", "effectiveDateTime", "issued", "recordedDate", "date")


class _Line(Record):
    """One line of `events.ndjson`. A `value` that is text is sent as it stands, JSON or not."""

    topic: str = Field(min_length=1, max_length=249)
    key: str | None = None
    headers: dict[str, str] | None = None
    value: dict[str, Any] | str | None


def read_line(raw: bytes, number: int, root: Path, timestamp: datetime | None, where: str) -> Message:
    """The message of line `number` (its offset); relative file URLs become absolute ones under `root`."""
    line = _line(raw, where)
    headers = tuple((name, text.encode()) for name, text in (line.headers or {}).items())
    value = line.value.encode() if isinstance(line.value, str) else None
    if isinstance(line.value, dict):
        value = json.dumps(_placed(line.value, root, where), separators=(",", ":")).encode()
    key = None if line.key is None else line.key.encode()
    return Message(line.topic, 0, number, key, value, headers, timestamp=timestamp or _time_of(line))


def wrong_field(error: ValidationError) -> str:
    """The first field that is wrong and how, without its content."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"field {'.'.join(str(part) for part in first['loc']) or '(all)'} is wrong ({first['type']})"


def _line(raw: bytes, where: str) -> _Line:
    try:
        return _Line.model_validate(strict_json(raw))
    except ValidationError as error:
        wanted = 'wanted {"topic": text, "key": text or null, "headers": {text: text}, "value": object, text or null}'
        raise Refused(Reason.NOT_AN_EVENT, f"{where}: {wrong_field(error)}; {wanted}") from error
    except ValueError as error:
        raise Refused(Reason.NOT_JSON, f"{where} is {error}; wanted one JSON object a line") from error


def _placed(value: dict[str, Any], root: Path, where: str) -> dict[str, Any]:
    files = value.get("files")
    if not isinstance(files, list):
        return value
    return value | {"files": [_absolute(file, root, where) if isinstance(file, dict) else file for file in files]}


def _absolute(file: dict[str, Any], root: Path, where: str) -> dict[str, Any]:
    url = file.get("url")
    try:
        if not isinstance(url, str) or urlsplit(url).scheme:
            return file
        path = (root / unquote(url)).resolve()
    except (ValueError, OSError, RuntimeError) as wrong:  # neither a URL nor a path, or links in a ring
        raise Refused(
            Reason.FILE_NOT_ALLOWED,
            f"{where}: a file's url leads nowhere; wanted a path inside the folder, or an absolute URL",
        ) from wrong
    if not path.is_relative_to(root):
        raise Refused(Reason.FILE_NOT_ALLOWED, f"{where}: a file lies outside the folder; wanted a path inside it")
    return file | {"url": path.as_uri()}


def _time_of(line: _Line) -> datetime:
    value = line.value if isinstance(line.value, dict) else {}
    for text in ((line.headers or {}).get("ce_time"), *(value.get(name) for name in _TIMES)):
        moment = _moment(text)
        if moment is not None:
            return moment
    return EPOCH


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None  # a partial date (2024-03) is no timestamp
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None
