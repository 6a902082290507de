"""Paths as they may be set: no shell spells out the `~` of a file, and an empty one is as none."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator
from pydantic_settings import BaseSettings

PATHS = frozenset({"home", "notes_encoder", "backbones", "ca_file", "cert_file", "key_file", "password_file"})
"""The settings that are paths, whatever their concern."""


def spelled_out(value: Any) -> Any:
    """A path with its `~` spelled out; ValueError where there is no home of that name."""
    if not isinstance(value, str) or not value.startswith("~"):
        return value
    path = os.path.expanduser(value)  # noqa: PTH111  a network has a path or a name: it stays text
    if path.startswith("~"):
        raise ValueError("wanted a path; nobody of that name has a home here (a folder called so: ./~...)")
    return path


SetPath = Annotated[Path, BeforeValidator(spelled_out)]


class PathSettings(BaseSettings):
    """Settings of which some are paths."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_paths(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if not (name in PATHS and value == "")}
