"""What a training is asked for, as JSON: written beside every network, and read to train another like it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import ValidationError, create_model

from model.train_settings import TrainSettings
from schemas.record import Record

SETTINGS = "settings.json"
FIELDS = (
    *("seed", "fusion", "sizes", "encoders", "roads", "lesson", "student", "circuit_epochs", "circuit_rate"),
    *("held_share", "least_patients", "items", "genes"),
)
"""What the file says. Names, and what is read from elsewhere, are options of the commands; the manifest has both."""
_MAX_BYTES = 1 << 20
_HINTS = get_type_hints(TrainSettings, include_extras=True)
_PARTS: dict[str, Any] = {name: (_HINTS[name], ...) for name in FIELDS}
_Said = create_model("_Said", __base__=Record, **_PARTS)


def settings_json(settings: TrainSettings) -> str:
    """All that the file may say, as it is in these settings; `with_file` reads it."""
    said = _Said(**{name: getattr(settings, name) for name in FIELDS})
    return said.model_dump_json(indent=2) + "\n"


def with_file(settings: TrainSettings, path: Path) -> TrainSettings:
    """The settings, but for what the file says; raises ValueError that names what is wrong in it."""
    before = json.loads(settings_json(settings))
    try:
        with path.open("rb") as content:
            said = json.loads(content.read(_MAX_BYTES))
        known = _Said.model_validate_json(json.dumps(_over(before, said)))
    except (OSError, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {getattr(error, 'strerror', None) or error}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        raise ValueError(f"{path}: {wrong}; oncostream train writes {SETTINGS} beside each network") from None
    return replace(settings, **{name: getattr(known, name) for name in FIELDS})


def _over(before: Any, said: Any) -> Any:
    """What is said in place of what was, name by name; a name that is none stays, to be refused."""
    if not (isinstance(before, dict) and isinstance(said, dict)):
        return said
    return before | {name: _over(before.get(name), value) for name, value in said.items()}
