import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle

from model.cohorts.folder import read_card, read_events, read_outcomes, read_survival
from model.cohorts.hancock import write_hancock
from model.encoders.clinical_tokens import newest_observations
from model.intake.clinical import ClinicalRules, read_observation
from model.table_columns import INDICATORS, facts_of, reader_of
from schemas.errors import Refused
from schemas.events import ImagingEvent
from schemas.evidence import Evidence

SOURCE = Path(__file__).parents[3] / "shared" / "data" / "hancock"
pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason="HANCOCK is not at ../shared/data/hancock")

Events = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hancock") / "cohort"
    write_hancock(SOURCE, out, with_metastasis=False)
    return out


@pytest.fixture(scope="module")
def events(folder: Path) -> Events:
    found: Events = {}
    for event in read_events(folder):
        found.setdefault(event.topic, []).append(json.loads(event.value or b""))
    return found


def test_the_endpoints_have_the_counts_of_the_source(folder: Path) -> None:
    times = read_survival(folder)
    assert Counter(row.endpoint for row in times) == {"OS": 763, "RFS": 763, "REC": 763}
    assert Counter(row.endpoint for row in times if row.event) == {"OS": 213, "REC": 177, "RFS": 303}
    assert len(read_outcomes(folder)) == 763


def test_every_table_comes_with_the_patients_it_has(events: Events) -> None:
    tables = Counter(bundle["id"].split("-", 2)[2] for bundle in events["fhir.observations"])
    assert tables["clinical"] == tables["pathological"] == 763
    assert tables["blood"] == 692
    assert tables["tma-cell-density"] <= 736
    assert tables["icd-codes"] <= 712
    stains = Counter(scan["files"][0]["encoder"] for scan in events["imaging.events"])
    assert stains["hancock-tma-HE"] == 760
    assert len(stains) == 8


def test_the_blood_of_one_patient_is_as_the_table_says(events: Events) -> None:
    blood = next(bundle for bundle in events["fhir.observations"] if bundle["id"] == "hancock-001-blood")
    values = {
        entry["resource"]["code"]["coding"][0]["code"]: entry["resource"]["valueQuantity"] for entry in blood["entry"]
    }
    assert len(values) == 16
    assert (values["718-7"]["value"], values["718-7"]["code"]) == (15.4, "g/dL")
    assert (values["26515-7"]["value"], values["26515-7"]["code"]) == (156.0, "10*9/L")


def test_conditions_carry_icd10_codes_with_their_dot(events: Events) -> None:
    codes = next(bundle for bundle in events["fhir.observations"] if bundle["id"] == "hancock-001-icd-codes")
    assert [entry["resource"]["code"]["coding"][0]["code"] for entry in codes["entry"]] == ["C13.9", "C32.9", "C77.0"]


def test_the_bundles_are_valid_fhir(events: Events) -> None:
    for bundle in events["fhir.observations"][::7]:
        Bundle.model_validate(bundle)


def test_a_bag_holds_the_published_features(folder: Path, events: Events) -> None:
    scan = ImagingEvent.model_validate(events["imaging.events"][0])
    with np.load(unquote(urlsplit(scan.files[0].url or "").path), allow_pickle=False) as bag:
        features = bag["features"]
    with np.load(SOURCE / "tma_tile_dtr_256_HE.npz") as published:
        assert np.array_equal(features, published[scan.patient][None])
    assert read_card(folder).feature_spaces["hancock-tma-HE"] == features.shape[1]


def test_metastasis_is_left_out_unless_asked_for(folder: Path, tmp_path: Path) -> None:
    folders = folder, tmp_path / "with"
    write_hancock(SOURCE, folders[1], with_metastasis=True)
    assert "metastasis" not in (folder / "events.ndjson").read_text()
    written = (tmp_path / "with" / "events.ndjson").read_text()
    assert written.count('"code":"primarily_metastasis"') == 739
    read = [any("metastasis" in code for block in read_card(one).table for code in block.codes) for one in folders]
    assert read == [False, True]  # the linear road and the baselines see it where it was asked for, and only there


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="HANCOCK"):
        write_hancock(tmp_path, tmp_path / "out", with_metastasis=False)


def test_every_code_and_answer_that_the_table_declares_is_in_the_events(folder: Path, events: Events) -> None:
    resources = [entry["resource"] for bundle in events["fhir.observations"] for entry in bundle["entry"]]
    seen = {name for resource in resources for name in codings(resource.get("code"))}
    answers = {name for resource in resources for name in codings(resource.get("valueCodeableConcept"))}
    table = read_card(folder).table
    codes = [code for block in table for code in block.codes]
    assert len(codes) == len(set(codes)), "a code belongs to one block"
    columns = [column for block in table for column in block.columns]
    assert set(codes) | {code for column in columns for code in (*column.codes, *column.over)} <= seen
    assert {given.answer for column in columns for given in column.given} <= answers
    assert {encoder for block in table for encoder in block.vectors} == {
        f"imaging/bag:{space}" for space in read_card(folder).feature_spaces
    }


def test_every_declared_cut_off_divides_the_patients(folder: Path, events: Events) -> None:
    """A cut-off in another unit than the tokens' has everybody on one side."""
    messages = [event for event in read_events(folder) if event.topic == "fhir.observations"]
    pieces: dict[str, list[Evidence]] = {}
    for message in messages[::3]:
        for piece in read_observation(message, ClinicalRules()).evidence:
            pieces.setdefault(piece.patient, []).append(piece)
    facts = [facts_of(found, {}, newest_observations(found, 256)) for found in pieces.values()]
    for block in read_card(folder).table:
        for column in block.columns:
            if column.form in INDICATORS:
                said = {reader_of(column)(one) for one in facts} - {None}
                assert said == {0.0, 1.0}, column


def codings(concept: dict[str, Any] | None) -> list[str]:
    return [f"{coding['system']}|{coding['code']}" for coding in (concept or {}).get("coding", [])]
