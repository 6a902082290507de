"""What a deployment gets wrong, checked one by one, each with its remedy."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agents.allowed import file_rules
from agents.exits import Away
from agents.prediction import open_predictor
from agents.wiring import model_folder, read_manifest
from deploy.local.claim import require_space
from deploy.local.errors import LocalError
from deploy.local.java import find_java
from model.encoders.arrived import NOTES
from model.encoders.notes import notes_hash
from streams.settings import Settings, WrongSettings


class State(StrEnum):
    """How a check came out."""

    WELL = "well"
    NOTE = "note"
    """Nothing to act on now, but good to know."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One check: what was found and, where it is not well, the remedy."""

    check: str
    state: State
    found: str
    remedy: str = ""


def well(check: str, found: str) -> Finding:
    """All is as it should be."""
    return Finding(check, State.WELL, found)


def note(check: str, found: str, remedy: str) -> Finding:
    """Good to know."""
    return Finding(check, State.NOTE, found, remedy)


def wrong(check: str, found: str, remedy: str = "") -> Finding:
    """To be put right; a message of ours has its remedy after the last semicolon."""
    if not remedy:
        found, _, remedy = found.rpartition("; ")
    return Finding(check, State.WRONG, found or remedy, remedy if found else "")


def check_machine(settings: Settings) -> Iterator[Finding]:
    """The network, the folders and this machine: all that needs no connection."""
    yield _model(settings)
    yield from _notes(settings)
    yield from _files(settings)
    yield from _local(settings.places.home)


def _model(settings: Settings) -> Finding:
    try:
        folder = model_folder(settings)
        manifest = open_predictor(folder, settings).manifest
    except (ValueError, OSError, WrongSettings) as error:
        return wrong("model", str(error))
    behind = ", ".join(manifest.encoders) or "no encoders: images and sequences count as absent"
    return well("model", f"{manifest.model} in {folder}, weights as in its manifest; behind {behind}")


def _notes(settings: Settings) -> Iterator[Finding]:
    """Whether notes are read as the network was trained to; nothing is said where neither knows of notes."""
    folder = settings.places.notes_encoder
    try:
        manifest = read_manifest(settings)
        found = "" if folder is None else notes_hash(folder, manifest.sizes.width)
    except WrongSettings:
        return  # said by the check of the network
    except ValueError as error:
        yield wrong("notes", str(error))
        return
    wanted = manifest.encoders.get(NOTES, "")
    if found and found == wanted:
        yield well("notes", f"{folder} is the encoder that the network was trained behind")
    elif found:
        yield note("notes", f"the network was not trained behind {folder}: it cannot read notes", _NOTES_REMEDY)
    elif wanted:
        yield note("notes", "the network reads notes by an encoder that is not set", _NOTES_REMEDY)


_NOTES_REMEDY = "point ONCOSTREAM_NOTES_ENCODER at the folder that `oncostream train --notes` was given"


def _files(settings: Settings) -> Iterator[Finding]:
    try:
        rules = file_rules(settings)
    except WrongSettings as error:
        yield wrong("files", str(error))
        return
    if not (rules.allowed_folders or rules.allowed_hosts or rules.allowed_buckets):
        yield note("files", "no place is allowed: every file by url is refused", "set ONCOSTREAM_FILES_ALLOW")
    for folder in rules.allowed_folders:
        if not folder.is_dir():
            yield wrong("files", f"{folder} is no folder", "mount it, or correct ONCOSTREAM_FILES_ALLOW")
        elif not os.access(folder, os.R_OK | os.X_OK):
            yield wrong("files", f"{folder} is not readable", "give the workers' user the right to read it")
        else:
            yield well("files", f"{folder} is there and readable")
    for place in (*rules.allowed_hosts, *rules.allowed_buckets):
        yield note("files", f"{place} is allowed", "it is reached when an event names a file there")


def _local(home: Path) -> Iterator[Finding]:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    try:
        require_space(there)
        free = shutil.disk_usage(there).free // 1_000_000
        yield well("disk", f"{free} MB free at {there}")
    except LocalError as error:
        yield wrong("disk", str(error))
    try:
        yield well("java", f"{find_java(os.environ)} (for demo and up)")
    except LocalError as error:
        yield note("java", *_parted(str(error)))


def away(check: str, error: Away) -> Finding:
    """A dependency that does not answer."""
    return wrong(check, str(error))


def _parted(message: str) -> tuple[str, str]:
    found, _, remedy = message.partition("; ")
    return found, remedy
