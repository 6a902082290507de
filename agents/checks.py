"""What a deployment gets wrong, checked one by one, each with its remedy."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agents.allowed import file_rules
from agents.exits import Away
from agents.frozen import imaging_encoder, molecular_encoder, note_encoder
from agents.prediction import open_predictor
from agents.wiring import model_folder
from deploy.local.claim import require_space
from deploy.local.errors import LocalError
from deploy.local.java import find_java
from model.encoders.arrived import NOTES
from schemas.manifest import SMALL_CNN, SMALL_DNA, Manifest
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
    yield from _network(settings)
    yield from _files(settings)
    yield from _local(settings.places.home)


def _network(settings: Settings) -> Iterator[Finding]:
    """The network and, by the code that workers start with, what it needs from other folders."""
    try:
        folder = model_folder(settings)
        predictor = open_predictor(folder, settings)
    except (ValueError, OSError) as error:
        yield wrong("model", str(error))
        return
    manifest = predictor.manifest
    behind = ", ".join(manifest.encoders) or "no encoders: images and sequences count as absent"
    yield well("model", f"{manifest.model} in {folder}, weights as in its manifest; behind {behind}")
    yield from _backbone(manifest.backbone, lambda: imaging_encoder(predictor, settings))
    yield from _backbone(manifest.dna, lambda: molecular_encoder(predictor, settings))
    yield from _notes(manifest, settings)


def _backbone(name: str, opened: Callable[[], object]) -> Iterator[Finding]:
    """Nothing is said of a network's own encoder, which is checked with the network."""
    try:
        opened()
    except WrongSettings as error:
        yield wrong("backbones", str(error))
    else:
        if name not in (SMALL_CNN, SMALL_DNA):
            yield well("backbones", f"{name} is the one that the network was trained behind")


def _notes(manifest: Manifest, settings: Settings) -> Iterator[Finding]:
    """Whether notes are read as the network was trained to; nothing is said where neither knows of notes."""
    folder, wanted = settings.places.notes_encoder, manifest.encoders.get(NOTES, "")
    try:
        encoder = note_encoder(manifest, settings)
    except WrongSettings as error:
        yield wrong("notes", str(error))
        return
    if wanted and encoder is None:
        yield wrong("notes", "the network reads notes by an encoder that is not set", _NOTES_REMEDY)
    elif wanted and encoder and encoder.weights != wanted:
        yield wrong("notes", f"the network was trained behind another encoder than {folder}", _NOTES_REMEDY)
    elif wanted:
        yield well("notes", f"{folder} is the encoder that the network was trained behind")
    elif encoder:
        yield note("notes", f"the network was trained without notes: it cannot use what {folder} reads", _NO_NOTES)


_NOTES_REMEDY = "point ONCOSTREAM_NOTES_ENCODER at the folder that `oncostream train --notes` was given"
_NO_NOTES = "unset ONCOSTREAM_NOTES_ENCODER, or serve a network of `oncostream train --notes`"


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
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        remedy = "set ONCOSTREAM_HOME to one, or give the right to write it"
        yield wrong("home", f"{there} is no folder that can be written", remedy)
    try:
        require_space(there)
        free = shutil.disk_usage(there).free // 1_000_000
        yield well("disk", f"{free} MB free at {there} (for demo and up)")
    except LocalError as error:
        yield note("disk", *_parted(str(error)))  # a broker of `demo` and `up` needs it, a worker does not
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
