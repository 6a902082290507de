"""The id of a network stands for everything that its answers depend on, and for nothing else."""

from pathlib import Path

import pytest

from model.untrained import untrained_manifest
from schemas.evidence import Modality
from schemas.manifest import Manifest
from schemas.table import Block, Table

ONE = untrained_manifest()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"weights_sha256": "a" * 64}, id="weights"),
        pytest.param({"temperatures": {"clinical": 1.1}}, id="calibration"),
        pytest.param({"conformal": {"clinical": 0.9}}, id="sets"),
        pytest.param({"table": Table(blocks=(Block(name="b", modality=Modality.CLINICAL),))}, id="columns"),
        pytest.param({"name": "other"}, id="name"),
    ],
)
def test_a_network_that_would_say_other_things_has_another_id(changed: dict[str, object]) -> None:
    assert ONE.model_copy(update=changed).model != ONE.model


def test_a_manifest_written_before_a_field_was_there_is_read_as_it_is_now(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(ONE.model_dump_json(exclude={"dna", "dna_width", "dna_sha256"}))
    assert Manifest.read(tmp_path) == ONE
    assert Manifest.read(tmp_path).model == ONE.model


class Later(Manifest):
    """Our manifest, some version on."""

    later: str = "as it ever was"


def test_a_manifest_keeps_its_id_when_a_field_comes_that_it_was_written_without(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(ONE.model_dump_json())
    assert Later.read(tmp_path).model == ONE.model
