import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.cohorts.folder import (
    CohortCard,
    Outcome,
    SurvivalTime,
    Tasks,
    read_card,
    read_events,
    read_outcomes,
    read_survival,
)
from model.cohorts.folder_writer import CohortWriter
from schemas.errors import Reason, Refused

CARD = CohortCard(
    name="two",
    source="made here",
    terms="none",
    tasks=Tasks(diagnosis=("a", "b"), treatments=("x",), endpoints=("OS",), horizon_days=100),
    feature_spaces={"bag": 4},
)
OUTCOMES = (Outcome("p1", "a", "x", True, "north"), Outcome("p,2"))
SURVIVAL = (SurvivalTime("p1", "OS", 12.5, True), SurvivalTime("p,2", "OS", 0.0, False))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    out = tmp_path / "with space"
    with CohortWriter(out, CARD) as cohort:
        file = cohort.store("files/a b.npz", b"bytes")
        cohort.event("imaging.events", {"occurred_at": "2024-05-01T00:00:00+02:00", "files": [file]}, key="p1")
        cohort.event("fhir.observations", "not json", headers={"ce_time": "2024-01-01T00:00:00Z"})
        cohort.event("fhir.observations", None)
        cohort.event("imaging.events", {"files": [{"url": "s3://bucket/key"}, {"inline": "QQ=="}]})
        for row in OUTCOMES:
            cohort.outcome(row)
        for time in SURVIVAL:
            cohort.survival(time)
    return out


def test_what_was_written_is_read_back(folder: Path) -> None:
    assert read_card(folder) == CARD
    assert read_outcomes(folder) == OUTCOMES
    assert read_survival(folder) == SURVIVAL


def test_a_line_is_the_message_that_a_bus_would_carry(folder: Path) -> None:
    scan, text, tombstone, elsewhere = read_events(folder)
    assert (scan.topic, scan.partition, scan.offset, scan.key) == ("imaging.events", 0, 1, b"p1")
    assert scan.timestamp == datetime(2024, 4, 30, 22, tzinfo=UTC)
    assert (text.value, text.header("ce_time")) == (b"not json", "2024-01-01T00:00:00Z")
    assert text.timestamp == datetime(2024, 1, 1, tzinfo=UTC)
    assert tombstone.value is None
    assert tombstone.key is None
    assert json.loads(elsewhere.value or b"")["files"][0]["url"] == "s3://bucket/key"


def test_relative_urls_become_absolute_ones(folder: Path) -> None:
    scan = next(read_events(folder))
    file = json.loads(scan.value or b"")["files"][0]
    assert file["url"] == (folder / "files" / "a b.npz").as_uri()
    assert file["bytes"] == 5


def test_a_given_timestamp_stands_over_the_events_own(folder: Path) -> None:
    given = datetime(2030, 1, 1, tzinfo=UTC)
    assert {message.timestamp for message in read_events(folder, given)} == {given}


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        pytest.param('{"topic": "t"', Reason.NOT_JSON, "line 5 is not UTF-8 JSON", id="cut-short"),
        pytest.param("\x80", Reason.NOT_JSON, "line 5 is not UTF-8 JSON", id="not-utf8"),
        pytest.param(
            '{"topic": "t", "value": {"patient": "p1", "patient": "p2"}}',
            Reason.NOT_JSON,
            "each key once",
            id="two-patients",
        ),
        pytest.param("[1]", Reason.NOT_AN_EVENT, "wanted", id="not-an-object"),
        pytest.param('{"key": null, "value": {}}', Reason.NOT_AN_EVENT, "field topic", id="no-topic"),
        pytest.param('{"topic": "t"}', Reason.NOT_AN_EVENT, "field value", id="no-value"),
        pytest.param('{"topic": "t", "value": {}, "kee": 1}', Reason.NOT_AN_EVENT, "field kee", id="a-typo"),
        pytest.param(
            '{"topic": "t", "value": {"files": [{"url": "../secret"}]}}',
            Reason.FILE_NOT_ALLOWED,
            "outside the folder",
            id="leaves-the-folder",
        ),
        *(
            pytest.param(
                f'{{"topic": "t", "value": {{"files": [{{"url": "{url}"}}]}}}}',
                *(Reason.FILE_NOT_ALLOWED, "leads nowhere; wanted a path inside"),
                id=named,
            )
            for url, named in [
                ("http://[x", "no-such-host"),
                ("a%00b", "nul"),
                ("files/ring/a.npz", "links-in-a-ring"),
            ]
        ),
    ],
)
def test_a_broken_line_is_refused_with_its_number(folder: Path, line: str, reason: Reason, words: str) -> None:
    (folder / "files" / "ring").symlink_to(folder / "files" / "ring")
    with (folder / "events.ndjson").open("ab") as events:
        events.write(line.encode("latin-1") + b"\n")
    with pytest.raises(Refused, match=words) as refusal:
        list(read_events(folder))
    assert refusal.value.reason == reason
    assert "line 5" in refusal.value.detail


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        pytest.param("outcomes.csv", "p3,c,,,", "line 4: diagnosis must be one of", id="unknown-label"),
        pytest.param("outcomes.csv", "p3,a,x,yes,", "line 4: response must be one of", id="response-in-words"),
        pytest.param("outcomes.csv", "p3,a", "line 4: wanted 5 cells", id="too-few-cells"),
        pytest.param("outcomes.csv", "p1,b,,,", "line 4: a second line for one patient; keep one", id="two-diagnoses"),
        pytest.param("survival.csv", "p1,OS,3,1", "line 4: a second line", id="twice"),
        pytest.param("survival.csv", "p3,PFS,3,1", "line 4: endpoint must be one of", id="unknown-endpoint"),
        pytest.param("survival.csv", "p3,OS,-1,1", "line 4: time_days", id="before-the-start"),
        pytest.param("survival.csv", "p3,OS,soon,1", "line 4: time_days", id="no-number"),
        pytest.param("survival.csv", "p3,OS,inf,1", "line 4: time_days", id="for-ever"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(folder: Path, name: str, line: str, words: str) -> None:
    with (folder / name).open("a") as rows:
        rows.write(line + "\n")
    with pytest.raises(Refused, match=words):
        _ = read_outcomes(folder), read_survival(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            {"tasks": {"diagnosis": ["a", "a"], "horizon_days": 9}}, "diagnosis is wrong .named_twice", id="label"
        ),
        pytest.param({"tasks": {"treatments": ["x", "x"], "horizon_days": 9}}, "treatments is wrong", id="treatment"),
        pytest.param({"tasks": {"endpoints": ["OS", "OS"], "horizon_days": 9}}, "endpoints is wrong", id="endpoint"),
        pytest.param({"tasks": {"endpoints": [""], "horizon_days": 9}}, "endpoints.0 is wrong", id="no-name"),
        pytest.param({"feature_spaces": {"bag": 0}}, "feature_spaces.bag is wrong", id="no-width"),
        pytest.param({"feature_spaces": {"bag": -4}}, "feature_spaces.bag is wrong", id="a-width-below-0"),
    ],
)
def test_a_card_that_names_a_thing_twice_or_not_at_all_is_refused(
    folder: Path, change: dict[str, object], words: str
) -> None:
    card = json.loads((folder / "cohort.json").read_text())
    (folder / "cohort.json").write_text(json.dumps(card | change))
    with pytest.raises(Refused, match=words):
        read_card(folder)


@pytest.mark.parametrize("name", ["cohort.json", "outcomes.csv", "survival.csv", "events.ndjson"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(Refused, match=f"no {name}; see docs/inputs.md"):
        _ = read_card(folder), read_outcomes(folder), read_survival(folder), list(read_events(folder))


def test_a_folder_in_use_is_not_written_over(folder: Path) -> None:
    with pytest.raises(Refused, match="not empty"):
        CohortWriter(folder, CARD)
