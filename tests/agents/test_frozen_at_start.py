"""A worker, or a training run, without the frozen DNA encoder that it needs does not start, and says what to do."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents.commands.train import train
from agents.exits import AskedWrongly
from agents.wiring import make_parts, make_roles
from model.cohorts.synthetic import write_synthetic
from model.network import network_of
from model.untrained import untrained_manifest
from model.weights import save_network
from streams.settings import Places, WrongSettings, read_settings


def test_a_worker_does_not_start_without_the_dna_encoder_of_its_network(tmp_path: Path) -> None:
    behind = {"dna": "dnabert2:one", "dna_width": 12, "dna_sha256": "d" * 64}
    manifest = untrained_manifest(fusion="none").model_copy(update=behind)
    save_network(tmp_path, network_of(manifest, seed=1), manifest, ["genomic/sequence"])
    for backbones, said in ((None, "name the folder of backbones"), (tmp_path, r"has no model\.safetensors")):
        places = Places(model=str(tmp_path), home=tmp_path, backbones=backbones)
        parts = make_parts(replace(read_settings(), places=places))
        with pytest.raises(WrongSettings, match=f"ONCOSTREAM_BACKBONES: .*{said}"):
            make_roles(parts, ["genomic"])


def test_a_run_behind_a_dna_encoder_that_is_not_there_is_asked_wrongly(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "cohort", patients=1, seed=3, flawed=False)
    with pytest.raises(AskedWrongly, match=r"has no model\.safetensors"):
        train(tmp_path / "cohort", tmp_path / "out", dna="dnabert2:one", backbones=tmp_path)
