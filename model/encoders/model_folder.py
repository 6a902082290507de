"""A folder with a model that is no part of a network: the hash of what it holds, and its JSON files."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def folder_hash(folder: Path, patterns: Sequence[str], more: str = "") -> str:
    """SHA-256 of the files of these patterns, their names and `more`; ValueError where no safetensors is among them."""
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    if not any(path.suffix == ".safetensors" for path in paths):
        raise ValueError(f"{folder} has no {patterns[0]}; name a folder with the weights")
    digest = hashlib.sha256(more.encode())
    for path in paths:
        with path.open("rb") as content:
            one = hashlib.file_digest(content, "sha256").hexdigest()
        digest.update(f"|{path.relative_to(folder).as_posix()}|{one}".encode())
    return digest.hexdigest()


def read_json(path: Path) -> Any:
    """The file's content, None where there is no such file; ValueError with a remedy where it is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise ValueError(f"{path} is not JSON; copy the folder again") from None
