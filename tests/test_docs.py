"""The pages say what the code says: settings, metrics, reasons, examples of events, and links that lead somewhere."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter, Gauge, Histogram, Info

from docs.make_tree import tree
from model.intake.clinical import READABLE
from model.readers.gene_values import read_gene_values
from model.settings_file import settings_json
from model.train_settings import TrainSettings
from schemas.errors import Reason
from schemas.events import ImagingEvent, SequencingEvent
from streams import metrics
from streams.settings import read_settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def first_cells(section: str) -> list[str]:
    """The names in the first column of a section of operations.md."""
    text = page("operations.md").partition(f"## {section}")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def test_every_setting_has_a_row() -> None:
    concerns = vars(read_settings()).values()
    names = [
        f"{each.model_config['env_prefix']}{field}".upper() for each in concerns for field in type(each).model_fields
    ]
    assert first_cells("Settings") == names


def test_every_setting_of_a_training_has_a_row_with_its_default() -> None:
    def leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from leaves(inner, f"{name}.{key}" if name else key)
        else:
            yield name, value if isinstance(value, str) else json.dumps(value)

    section = page("training.md").partition("## Settings of a training")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \| `([^`]+)` \|", section, re.MULTILINE)
    assert rows == list(leaves(json.loads(settings_json(TrainSettings("a", "tests only"))), ""))


def test_every_reason_has_a_row() -> None:
    assert first_cells("Dead letters") == [reason.value for reason in Reason]


def test_every_metric_has_a_row_with_its_labels() -> None:
    made: list[Any] = [each for each in vars(metrics).values() if isinstance(each, Counter | Gauge | Histogram | Info)]
    ends = {Counter: "_total", Info: "_info"}
    names = {each._name.removeprefix("oncostream_") + ends.get(type(each), ""): each._labelnames for each in made}
    text = page("operations.md").partition("## Metrics")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([a-z, ]*?) ?\|", text, re.MULTILINE))
    assert rows == {name: ", ".join(labels) for name, labels in names.items()} | {"build_info": "model, version"}


def test_the_examples_of_events_can_be_read(tmp_path: Path) -> None:
    imaging, sequencing = map(json.loads, re.findall(r"```json\n(.*?)```", page("inputs.md"), re.DOTALL))
    ImagingEvent.model_validate(imaging)
    SequencingEvent.model_validate(sequencing)
    (tmp_path / "genes.tsv").write_bytes(b64decode(sequencing["files"][0]["inline"]))
    assert [value.gene for value in read_gene_values(tmp_path / "genes.tsv")] == ["TP53"]


def test_the_resource_types_that_are_read_are_named() -> None:
    (row,) = re.findall(
        r"^\| `fhir.observations` \| FHIR JSON: ([A-Za-z, ]+), or a Bundle", page("inputs.md"), re.MULTILINE
    )
    assert set(row.split(", ")) == READABLE


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = [path.parent / to for to in re.findall(r"\]\(([^)#:]+)\)", text)]
    folders = "schemas|model|streams|agents|deploy|tests|docs"
    named = [ROOT / to for to in re.findall(rf"`((?:{folders})/[\w/.-]+)`", text)]
    assert [str(each) for each in [*links, *named] if not each.exists()] == []


def test_the_tree_is_that_of_the_files() -> None:
    assert page("tree.md") == tree(), "run: python docs/make_tree.py"
