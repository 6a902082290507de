"""Deployment settings reach the circuit's backend, and what ran is counted under closed labels."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from agents.answering import Answering
from agents.prediction import predict_settings
from model.backends import BackendSettings, parse_backend
from model.serving import PredictSettings, load_predictor
from model.untrained import write_untrained
from schemas.errors import Reason
from schemas.evidence import Modality, Origin, Vector, evidence
from schemas.manifest import Sizes
from schemas.message import Message
from schemas.picture import Absence
from schemas.request import Cause, History, Request, Status
from schemas.tokens import ObservationToken
from streams.quantum_settings import QuantumSettings
from streams.settings import (
    InputSettings,
    KafkaSettings,
    Places,
    PredictionSettings,
    Settings,
    TriggerSettings,
    WebSettings,
)
from streams.step import Outcome, Said, SetAside

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def settings(quantum: QuantumSettings) -> Settings:
    predict = PredictionSettings(threshold=0.6)
    return Settings(Places(), KafkaSettings(), TriggerSettings(), InputSettings(), predict, quantum, WebSettings())


def test_every_setting_reaches_the_model() -> None:
    quantum = QuantumSettings(
        backend="device:lightning.qubit:50",
        deadline=timedelta(seconds=7),
        failures=4,
        pause_calls=5,
        depolarising=0.01,
        damping=0.02,
        readout=0.03,
    )
    expected = BackendSettings("device:lightning.qubit:50", 7.0, 4, 5, 0.01, 0.02, 0.03)
    assert predict_settings(settings(quantum)) == PredictSettings(threshold=0.6, quantum=expected)


def test_settings_and_model_agree_on_the_defaults() -> None:
    assert predict_settings(settings(QuantumSettings())).quantum == BackendSettings()


@pytest.mark.parametrize("name", ["exact", "noisy", "shots:1", "shots:99999999", "device:a.b-c_d", "device:a:5"])
def test_a_backend_that_the_settings_take_is_one(name: str) -> None:
    parse_backend(QuantumSettings(backend=name).backend)


@pytest.mark.parametrize(
    "name", ["", "ionq", "shots:0", "shots:100000000", "device:", "device:a b", "exact\n", "noisy:5"]
)
def test_any_other_ends_the_start(name: str) -> None:
    with pytest.raises(ValidationError):
        QuantumSettings(backend=name)


def request(model: str) -> Request:
    token = ObservationToken(code="l|1", value=1.0, at=NOON)
    piece = evidence(
        patient="p",
        modality=Modality.CLINICAL,
        source="c",
        version="1",
        occurred_at=NOON,
        origin=Origin(topic="t", partition=0, offset=0),
        tokens=[token],
        vectors=[],
    )
    return Request(
        id="r",
        patient="p",
        model=model,
        evidence=(piece,),
        missing={Modality.IMAGING: Absence.NEVER_SEEN, Modality.GENOMIC: Absence.NEVER_SEEN},
        history=History(revision=1, status=Status.FINAL, cause=Cause.QUORUM),
        asked_at=NOON,
    )


@pytest.mark.parametrize(
    ("backend", "ran", "fallback"),
    [
        ("exact", "exact", None),
        ("shots:20", "shots", None),
        ("device:default.qubit:20", "device", None),
        ("device:no.such:20", "exact", "not-available"),
        ("device:default.gaussian", "exact", "error"),
    ],
)
def test_what_ran_is_counted_under_closed_labels(tmp_path: Path, backend: str, ran: str, fallback: str | None) -> None:
    write_untrained(tmp_path, seed=5, sizes=Sizes(batch=2, qubits=3, draws=2))
    quantum = BackendSettings(backend, deadline_seconds=60)
    answering = Answering(load_predictor(tmp_path, PredictSettings(quantum=quantum)), "results")
    asked = request(load_predictor(tmp_path).manifest.model)
    message = Message("requests", 0, 0, b"p", asked.model_dump_json().encode(), timestamp=NOON)

    def counted() -> tuple[float, float]:
        calls = REGISTRY.get_sample_value("oncostream_quantum_calls_total", {"backend": ran})
        labels = {"backend": "device", "reason": fallback or "error"}
        return calls or 0.0, REGISTRY.get_sample_value("oncostream_quantum_fallbacks_total", labels) or 0.0

    before, batch = counted(), answering.read([message])
    (outcome,) = answering.answer(batch, answering.encode(batch, {}), NOON)
    assert isinstance(outcome, Said)
    assert outcome.count is not None
    outcome.count()
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1 if fallback else 0]


def test_a_request_whose_evidence_trips_the_network_is_set_aside_alone(tmp_path: Path) -> None:
    """It ended inference at every start, and nobody behind it had a result."""
    write_untrained(tmp_path, seed=5, sizes=Sizes(batch=2, qubits=3, draws=2))
    predictor = load_predictor(tmp_path)
    answering = Answering(predictor, "results")
    weights = predictor.manifest.encoders["imaging/cnn"]
    cut_short = Vector(encoder="imaging/cnn", weights=weights, data="AAAA")  # of another build, or of somebody else
    asked = request(predictor.model)
    bad = evidence(
        patient="q", modality=Modality.IMAGING, source="i", version="1", occurred_at=NOON,
        origin=Origin(topic="t", partition=0, offset=0), vectors=[cut_short],
    )  # fmt: skip
    other = asked.model_copy(update={"id": "s", "patient": "q", "evidence": (*asked.evidence, bad)})

    def answered(*requests: Request) -> list[Outcome]:
        values = [each.to_json() for each in requests]
        batch = answering.read([Message("requests", 0, 0, b"p", value, timestamp=NOON) for value in values])
        return answering.answer(batch, answering.encode(batch, {}), NOON)

    alone = answered(asked)
    before, tripped, after = answered(asked, other, asked)
    assert isinstance(tripped, SetAside)
    assert tripped.refused.reason is Reason.INTERNAL_ERROR
    assert [said_in(each) for each in (before, after)] == [said_in(alone[0])] * 2
    assert [type(each) for each in answered(other, other)] == [SetAside] * 2


def said_in(outcome: Outcome) -> bytes | None:
    assert isinstance(outcome, Said)
    return outcome.records[0].value
