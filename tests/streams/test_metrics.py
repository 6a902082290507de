import shutil
import subprocess

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams import metrics

PROMISED = {
    "oncostream_build_info": None,
    "oncostream_events_total": {"role", "outcome"},
    "oncostream_event_seconds_bucket": {"role", "le"},
    "oncostream_results_total": {"status", "cause"},
    "oncostream_result_latency_seconds_bucket": {"le"},
    "oncostream_patients_waiting": set(),
    "oncostream_imputed_total": {"modality"},
    "oncostream_abstentions_total": {"reason"},
    "oncostream_doubt_nats_bucket": {"source", "le"},
    "oncostream_batches_total": {"role", "reason"},
    "oncostream_batch_rows_bucket": {"role", "le"},
    "oncostream_quantum_calls_total": {"backend"},
    "oncostream_quantum_fallbacks_total": {"backend", "reason"},
    "oncostream_cache_seconds_bucket": {"operation", "le"},
    "oncostream_cache_rebuilds_total": {"cause"},
    "oncostream_dead_letters_total": {"step", "reason"},
    "oncostream_consumer_lag": {"topic", "partition"},
    "oncostream_oldest_unacknowledged_seconds": {"role"},
}
"""DESIGN §9: sample -> labels."""


@pytest.fixture(autouse=True)
def every_metric_is_touched() -> None:
    """Give each labelled metric one series, so that it is written out."""
    metrics.BUILD.info({"version": "test"})
    for metric in vars(metrics).values():
        if getattr(metric, "_labelnames", ()):
            metric.labels(*("test" for _ in metric._labelnames))


def test_the_metrics_are_what_the_design_promises_with_closed_labels() -> None:
    families = list(text_string_to_metric_families(generate_latest().decode()))
    samples = {sample.name: set(sample.labels) for family in families for sample in family.samples}
    for name, labels in PROMISED.items():
        assert labels is None or samples[name] == labels, name
    assert "oncostream_build_info" in samples
    ours = [labels for name, labels in samples.items() if name.startswith("oncostream_")]
    assert not {"patient", "key", "id"} & set().union(*ours)
    assert all(family.documentation for family in families)


def test_what_alerts_wait_for_is_there_at_0_before_it_happens() -> None:
    """Prometheus calls no rise what a counter begins with: the first message of two patients would wake nobody."""
    metrics.begin("anew")
    step = {"step": "anew", "reason": "two-patients"}
    assert REGISTRY.get_sample_value("oncostream_dead_letters_total", step) == 0
    assert REGISTRY.get_sample_value("oncostream_events_total", {"role": "anew", "outcome": "set_aside"}) == 0
    assert REGISTRY.get_sample_value("oncostream_retries_total", {"role": "anew"}) == 0
    metrics.begin_results()
    withdrawn = {"status": "withdrawn", "cause": "withdrawal"}
    assert REGISTRY.get_sample_value("oncostream_results_total", withdrawn) is not None


def test_promtool_finds_nothing_to_say_about_the_metrics() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool; apt-get install prometheus")
    ours = "".join(f"{line}\n" for line in generate_latest().decode().splitlines() if "oncostream_" in line)
    assert ours
    checked = subprocess.run([promtool, "check", "metrics"], input=ours, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
