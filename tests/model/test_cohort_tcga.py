import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from fhir.resources.R4B.bundle import Bundle

from model.cohorts.folder import read_card, read_events, read_outcomes, read_survival
from model.cohorts.tcga import write_tcga
from schemas.errors import Refused
from schemas.events import SequencingEvent

SOURCE = Path(__file__).parents[3] / "shared" / "data" / "tcga"
pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason="TCGA is not at ../shared/data/tcga")

Events = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tcga") / "cohort"
    write_tcga(SOURCE / "tcga_gbmlgg.csv.zip", out)
    return out


@pytest.fixture(scope="module")
def events(folder: Path) -> Events:
    found: Events = {}
    for event in read_events(folder):
        found.setdefault(event.topic, []).append(json.loads(event.value or b""))
    return found


def test_slides_are_grouped_into_cases(folder: Path, events: Events) -> None:
    times = read_survival(folder)
    assert len(times) == len({row.patient for row in times}) == 569
    assert sum(row.event for row in times) == 187
    assert len(events["fhir.observations"]) == 569
    assert Counter(event["assay"] for event in events["sequencing.events"]) == {"rna": 569, "wes": 569}


def test_months_become_days_and_site_and_subtype_are_outcomes(folder: Path) -> None:
    first = next(row for row in read_survival(folder) if row.patient == "TCGA-02-0047")
    assert (first.time_days, first.event) == (448.0, True)  # 14.72 months, not censored
    outcome = next(row for row in read_outcomes(folder) if row.patient == "TCGA-02-0047")
    assert outcome.diagnosis == "GBM"
    assert outcome.site
    assert read_card(folder).tasks.diagnosis == ("AASTR", "AOAST", "ASTR", "GBM", "OAST", "ODG")


def test_gene_values_come_in_three_kinds(events: Events) -> None:
    kinds: Counter[str] = Counter()
    for value in events["sequencing.events"][:2]:
        event = SequencingEvent.model_validate(value)
        lines = Path(unquote(urlsplit(event.files[0].url or "").path)).read_text().splitlines()
        assert lines[0] == "gene\tkind\tvalue"
        kinds.update(line.split("\t")[1] for line in lines[1:])
        if event.assay == "rna":
            assert lines[1] == "AAK1\texpression\t1.5517"
    assert kinds == {"expression": 1544, "copy-number": 30, "mutation": 16}


def test_the_demographics_are_valid_fhir(events: Events) -> None:
    for bundle in events["fhir.observations"][::10]:
        Bundle.model_validate(bundle)


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_what_is_not_a_zipped_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tcga_x.csv.zip").write_bytes(content)
    with pytest.raises(Refused, match="give tcga_"):
        write_tcga(tmp_path / "tcga_x.csv.zip", tmp_path / "out")
