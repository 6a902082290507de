"""A network trained behind an encoder of notes and a frozen backbone says so, and is served behind the same two."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.arrival import ImagingEncoder
from model.cohorts.folder import read_outcomes
from model.cohorts.synthetic import write_synthetic
from model.descent import Descent
from model.encoders.arrived import NOTES
from model.intake.clinical import ClinicalRules
from model.joint_training import StudentSetting
from model.network import network_of
from model.reading import Rules
from model.serving import load_predictor
from model.train_settings import TrainSettings
from model.training import train
from schemas.evidence import Vector
from streams.blobs import Blobs
from streams.file_rules import FileRules

pytestmark = pytest.mark.slow


class Marked:
    """A notes encoder that tells notes with an exclamation mark from others."""

    weights = "marked"

    def __init__(self) -> None:
        self.read = 0

    def encode_note(self, text: str) -> Vector:
        self.read += 1
        return Vector.pack(NOTES, self.weights, np.full(128, 1.0 if "!" in text else -1.0, np.float32))


class Means:
    """A backbone of three features: each colour's mean, in tens."""

    name, sha256, width = "transformers:means", "m" * 64, 3

    def features(self, tiles: torch.Tensor) -> torch.Tensor:
        return 10 * tiles.mean((-2, -1))


def note(patient: str, text: str) -> str:
    attachment = {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}
    value = {
        "resourceType": "DocumentReference",
        "id": f"note-{patient}",
        "status": "current",
        "subject": {"reference": f"Patient/{patient}"},
        "date": "2025-01-01T09:00:00Z",
        "content": [{"attachment": attachment}],
    }
    return json.dumps({"topic": "fhir.observations", "value": value})


def test_a_network_is_trained_behind_what_it_is_given(tmp_path: Path) -> None:
    cohort, notes = tmp_path / "cohort", Marked()
    write_synthetic(cohort, patients=24, seed=3, flawed=False)
    outcomes = read_outcomes(cohort)
    with (cohort / "events.ndjson").open("a") as events:
        for outcome in outcomes:
            events.write(note(outcome.patient, "bad!" if outcome.diagnosis == "luad" else "well.") + "\n")
    few = Descent(epochs=2, rate=1e-3, patience=2)
    settings = TrainSettings("notes", "tests only", encoders=few, student=StudentSetting(epochs=4), circuit_epochs=2)
    settings = replace(settings, backbone=Means(), rules=Rules(clinical=ClinicalRules(notes=notes)))
    files = Blobs(FileRules(allowed_folders=(cohort.resolve(),)))
    manifest = train(cohort, tmp_path / "out", files, settings, lambda *_: None)
    assert manifest.encoders[NOTES] == "marked"
    assert notes.read == len(outcomes)
    assert (manifest.backbone, manifest.backbone_width) == ("transformers:means", 3)
    network = load_predictor(tmp_path / "out").network
    assert 0 < network.arrival_imaging.tiles.get_buffer("mean").max() < 10  # learnt from what was seen
    bright, dark = (np.full((4, 3, 64, 64), light, np.float32) for light in (0.9, 0.1))
    imaging = ImagingEncoder(network, manifest, Means())
    assert imaging.encode_tiles(bright).weights == manifest.encoders["imaging/cnn"]
    assert imaging.encode_tiles(bright).data != imaging.encode_tiles(dark).data
    trained, begun = network.clinical, network_of(manifest, settings.seed).clinical
    assert trained.notes is not None
    assert begun.notes is not None
    assert not torch.allclose(trained.notes.reader.weight, begun.notes.reader.weight, atol=1e-4)
