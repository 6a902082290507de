"""Alerts and dashboard ask for metrics that there are, and each alert fires for its trouble and for nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from streams import metrics

ROOT = Path(__file__).parents[2] / "deploy"
ALERTS, BOARD = ROOT / "prometheus" / "alerts.yml", ROOT / "grafana" / "oncostream.json"
ROLES = ("clinical", "imaging", "genomic", "assembly", "inference", "fhir")
LETTERS, EVENTS = "oncostream_dead_letters_total", "oncostream_events_total"
HOURS = 60
"""Samples an hour."""


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return {"series": f"{name}{{{inside}}}", "values": values}


def role_series(*, but: str = "") -> list[dict[str, str]]:
    return [
        series("oncostream_oldest_unacknowledged_seconds", "0x400", role=role, instance="a")
        for role in ROLES
        if role != but
    ]


QUIET = [
    *role_series(),
    series("oncostream_consumer_lag", "5000-10x400", topic="oncology.evidence", partition="0"),
    series("oncostream_build_info", "1x400", model="one@1", version="1", instance="a"),
    series(LETTERS, "0+1x400", step="clinical", reason="unknown-unit"),
    *(series(LETTERS, "0x400", step="clinical", reason=reason) for reason in ("two-patients", "internal-error")),
    series(EVENTS, "0+100x400", role="clinical", outcome="evidence"),
    series(EVENTS, "0+1x400", role="clinical", outcome="set_aside"),
    series(EVENTS, "0+10x400", role="inference", outcome="evidence"),
    series("oncostream_results_total", "0+10x400", status="final", cause="quorum"),
    series("oncostream_abstentions_total", "0+6x400", reason="low-confidence"),
    series("oncostream_retries_total", "3x400", role="assembly"),
    series("oncostream_offsets_again_total", "0x400", topic="imaging.events"),
    series("oncostream_records_gone_total", "0x400", topic="imaging.events"),
    series("oncostream_cache_rebuilds_total", "0x400", cause="emptied"),
    series("oncostream_truncated_total", "0x400"),
    series("oncostream_quantum_calls_total", "0+10x400", backend="device"),
    series("oncostream_cache_seconds_bucket", "0+99x400", operation="load", le="0.1"),
    series("oncostream_cache_seconds_bucket", "0+100x400", operation="load", le="+Inf"),
]
"""A busy and healthy hospital: behind, but catching up; one message in a hundred is set aside."""
WEEK = 7 * 24 * HOURS
TROUBLE: dict[str, tuple[list[dict[str, str]], dict[str, str]]] = {
    "OncostreamRoleAbsent": (role_series(but="imaging"), {"severity": "critical", "role": "imaging"}),
    "OncostreamBatchStuck": (
        [series("oncostream_oldest_unacknowledged_seconds", "0+60x400", role="imaging", instance="a")],
        {"severity": "critical", "role": "imaging", "instance": "a"},
    ),
    "OncostreamFallingBehind": (
        [series("oncostream_consumer_lag", "10x400", topic="oncology.requests", partition="3")],
        {"severity": "warning", "topic": "oncology.requests"},
    ),
    "OncostreamDependencyAway": (
        [series("oncostream_retries_total", "0+1x400", role="assembly")],
        {"severity": "warning", "role": "assembly"},
    ),
    "OncostreamTwoNetworks": (
        [series("oncostream_build_info", "1x400", model=f"one@{number}", version="1") for number in (1, 2)],
        {"severity": "warning"},
    ),
    "OncostreamTwoPatients": (
        [series(LETTERS, "0x370 1x30", step="clinical", reason="two-patients")],
        {"severity": "critical", "step": "clinical"},
    ),
    "OncostreamInternalError": (
        [series(LETTERS, "0x370 1x30", step="fhir", reason="internal-error")],
        {"severity": "critical", "step": "fhir"},
    ),
    "OncostreamOffsetsAgain": (
        [series("oncostream_offsets_again_total", "0x370 1x30", topic="imaging.events")],
        {"severity": "critical", "topic": "imaging.events"},
    ),
    "OncostreamRecordsGone": (
        [series("oncostream_records_gone_total", "0x370 7x30", topic="fhir.observations")],
        {"severity": "critical", "topic": "fhir.observations"},
    ),
    "OncostreamCacheRebuilt": (
        [series("oncostream_cache_rebuilds_total", "0x370 1x30", cause="emptied")],
        {"severity": "warning", "cause": "emptied"},
    ),
    "OncostreamManyRefused": (
        [
            series(EVENTS, "0+9x400", role="genomic", outcome="evidence"),
            series(EVENTS, "0+1x400", role="genomic", outcome="set_aside"),
        ],
        {"severity": "warning", "role": "genomic"},
    ),
    "OncostreamPatientsTruncated": (
        [series("oncostream_truncated_total", "0x370 2x30")],
        {"severity": "warning"},
    ),
    "OncostreamNothingSaid": (
        [
            series(EVENTS, "0+5x400", role="inference", outcome="set_aside"),
            series("oncostream_results_total", "7x400", status="final", cause="quorum"),
        ],
        {"severity": "critical"},
    ),
    "OncostreamAbstainsMore": (
        [
            series("oncostream_results_total", f"0+10x{WEEK + 400}", status="final", cause="quorum"),
            series("oncostream_abstentions_total", f"0+2x{WEEK - 200} {2 * WEEK}+8x600", reason="low-confidence"),
        ],
        {"severity": "warning"},
    ),
    "OncostreamQuantumFallbacks": (
        [
            series("oncostream_quantum_calls_total", "0+10x400", backend="device"),
            series("oncostream_quantum_fallbacks_total", "0+5x400", backend="device", reason="deadline"),
        ],
        {"severity": "warning", "backend": "device"},
    ),
    "OncostreamRedisSlow": (
        [
            series("oncostream_cache_seconds_bucket", f"0+{count}x400", operation="store", le=edge)
            for edge, count in (("0.1", 10), ("0.5", 20), ("1.0", 100), ("+Inf", 100))
        ],
        {"severity": "warning", "operation": "store"},
    ),
}


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def asked() -> dict[str, str]:
    """Every expression of the alerts and of the dashboard, by where it stands."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    panels = {
        f"{panel['title']} {place}": target["expr"].replace("$__rate_interval", "1m")
        for panel in board["panels"]
        for place, target in enumerate(panel.get("targets", ()))
    }
    return {rule["alert"]: rule["expr"] for rule in rules()} | panels


def promtool(*args: object) -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool; apt-get install prometheus")
    return subprocess.run([found, *map(str, args)], capture_output=True, text=True, check=False)


def samples() -> dict[str, set[str]]:
    """What a worker's /metrics can have: sample -> its labels."""
    found: dict[str, set[str]] = {"oncostream_build_info": {"model", "version"}}
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            name, labels = metric._name, set(metric._labelnames)
            ends = {Counter: ("_total",), Histogram: ("_bucket", "_sum", "_count")}.get(type(metric), ("",))
            found |= {f"{name}{end}": labels | ({"le"} if end == "_bucket" else set()) for end in ends}
    return found


@pytest.mark.parametrize("where", asked())
def test_what_is_asked_for_is_there_with_those_labels(where: str) -> None:
    known, expr = samples(), asked()[where]
    named = re.findall(r"(oncostream_\w+)(?:\{([^}]*)\})?", expr)
    assert named
    for name, selected in named:
        assert set(re.findall(r"(\w+)[=!]", selected)) <= known[name] | {"instance"}, name
    grouped = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", expr) for label in labels.split(",")}
    assert grouped <= set().union(*(known[name] for name, _ in named)) | {"instance"}


def test_every_alert_says_what_to_do_and_has_its_trouble_here() -> None:
    assert list(TROUBLE) == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "do"}
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    done = promtool("check", "config", ROOT / "prometheus" / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_for_its_trouble_and_none_where_all_is_well(tmp_path: Path) -> None:
    def expects(name: str, at: str, labels: list[dict[str, str]]) -> dict[str, Any]:
        return {"eval_time": at, "alertname": name, "exp_alerts": [{"exp_labels": each} for each in labels]}

    said = [{name: rule[name] for name in rule if name != "annotations"} for rule in rules()]
    (tmp_path / "alerts.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": said}]}), encoding="utf-8")
    ends = {"OncostreamAbstainsMore": f"{WEEK + 390}m"}
    all_well = [expects(name, "390m", []) for name in TROUBLE]
    tests = [{"interval": "1m", "input_series": QUIET, "alert_rule_test": all_well}] + [
        {"interval": "1m", "input_series": given, "alert_rule_test": [expects(name, ends.get(name, "390m"), [labels])]}
        for name, (given, labels) in TROUBLE.items()
    ]
    told = json.dumps({"rule_files": ["alerts.yml"], "evaluation_interval": "15m", "tests": tests})
    (tmp_path / "test.yml").write_text(told, encoding="utf-8")
    done = promtool("test", "rules", tmp_path / "test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_promql_takes_what_the_dashboard_asks(tmp_path: Path) -> None:
    asks = [{"record": f"panel:{place}", "expr": expr} for place, expr in enumerate(asked().values())]
    (tmp_path / "asked.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": asks}]}), encoding="utf-8")
    done = promtool("check", "rules", tmp_path / "asked.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_panel_lies_on_another_and_each_has_a_name_of_its_own() -> None:
    panels = json.loads(BOARD.read_text(encoding="utf-8"))["panels"]
    places = [each["gridPos"] for each in panels]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23
    assert len({each["title"] for each in panels}) == len({each["id"] for each in panels}) == len(panels)
