"""Results on other backends: the same bytes again where that can be promised, and exact bytes where one fails."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

from model.backends import BackendSettings
from model.serving import Predictor, PredictSettings
from model.untrained import write_untrained
from model.weights import load_network
from schemas.evidence import Evidence, Modality, Origin, evidence
from schemas.manifest import FusionKind, Sizes
from schemas.picture import Absence
from schemas.request import Cause, History, Request, Status
from schemas.result import Doubt, Result
from schemas.tokens import ObservationToken, VariantToken

pytestmark = pytest.mark.slow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def predictor(folder: Path, backend: str, kind: FusionKind = "circuit") -> Predictor:
    """An untrained network whose gate is open, so that the circuit is heard."""
    if not folder.exists():
        write_untrained(folder, seed=5, fusion=kind, sizes=Sizes(batch=4, qubits=4, draws=4))
    network, manifest = load_network(folder)
    with torch.no_grad():
        network.fusion.gate.fill_(2.0)
    return Predictor(network, manifest, PredictSettings(quantum=BackendSettings(backend, deadline_seconds=60)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks") / "circuit"


def request(number: int, letters: str, model: str) -> Request:
    pieces = {"c": _piece(number, Modality.CLINICAL), "g": _piece(number, Modality.GENOMIC)}
    there = [pieces[letter] for letter in letters]
    absent = set(Modality) - {piece.modality for piece in there}
    return Request(
        id=f"request-{number}",
        patient=f"p-{number}",
        model=model,
        evidence=tuple(there),
        missing=dict.fromkeys(absent, Absence.NEVER_SEEN),
        history=History(revision=1, status=Status.FINAL, cause=Cause.QUORUM),
        asked_at=NOON,
    )


def _piece(number: int, modality: Modality) -> Evidence:
    tokens: list[ObservationToken | VariantToken] = [
        ObservationToken(code=f"l|{code}", value=float(code * number % 11), at=NOON - timedelta(days=code))
        for code in range(5)
    ]
    if modality is Modality.GENOMIC:
        tokens = [VariantToken(gene="TP53", change=f"TP53:{number}", vaf=0.02 * number, depth=100, at=NOON)]
    return evidence(
        patient=f"p-{number}",
        modality=modality,
        source=modality.value,
        version="1",
        occurred_at=NOON,
        origin=Origin(topic="t", partition=0, offset=number),
        tokens=tokens,
        vectors=[],
    )


def results(asked: Predictor, numbers: Sequence[int]) -> list[Result]:
    requests = [request(number, "cg" if number % 2 else "c", asked.manifest.model) for number in numbers]
    wanted = [(place, modality) for place, one in enumerate(requests) for modality in asked.present(one)]
    found: list[dict[Modality, object]] = [{} for _ in requests]
    for (place, modality), embedding in zip(wanted, asked.encode(requests, wanted), strict=True):
        found[place][modality] = embedding
    return asked.predict(requests, found)  # type: ignore[arg-type]


def said(result: Result) -> dict[str, object]:
    """All of the content but its provenance."""
    return result.content.model_dump(exclude={"provenance"})


def doubts(found: Sequence[Result]) -> list[Doubt]:
    return [result.doubt for result in found if result.doubt is not None]


@pytest.mark.parametrize("backend", ["shots:200", "noisy"])
def test_shots_and_noise_give_the_same_bytes_in_any_batch_and_place(folder: Path, backend: str) -> None:
    numbers = [0, 1, 2, 3, 4] if backend == "noisy" else list(range(9))
    asked = predictor(folder, backend)
    together = {result.id: result.to_json() for result in results(asked, numbers)}
    again = predictor(folder, backend)
    for place in (4, 1):
        (alone,) = results(again, [place])
        assert alone.to_json() == together[alone.id]


@pytest.mark.parametrize(
    ("backend", "reason"), [("device:default.gaussian:10", "error"), ("device:no.such", "not-available")]
)
def test_where_a_device_fails_all_but_the_provenance_are_the_exact_bytes(
    folder: Path, backend: str, reason: str
) -> None:
    exact, fallen = (results(predictor(folder, name), [1, 2]) for name in ("exact", backend))
    for one, other in zip(exact, fallen, strict=True):
        assert said(one) == said(other)
        ran = other.provenance
        assert (ran.quantum_backend, ran.quantum_reason, ran.fallbacks) == ("exact", reason, (f"{backend}->exact",))


def test_a_device_that_fails_three_times_in_a_row_is_left_alone(folder: Path) -> None:
    fallen = results(predictor(folder, "device:default.gaussian"), range(5))
    assert [one.provenance.quantum_reason for one in fallen] == ["error"] * 3 + ["breaker-open"] * 2


def test_an_exact_device_says_what_simulation_says_and_is_named(folder: Path) -> None:
    exact, device = (results(predictor(folder, name), [1, 2]) for name in ("exact", "device:default.qubit"))
    for one, other in zip(exact, device, strict=True):
        assert one.diagnosis is not None
        assert other.diagnosis is not None
        assert other.diagnosis.probabilities == pytest.approx(one.diagnosis.probabilities, abs=2e-6)
        assert other.provenance.quantum_backend == "device:default.qubit"
        assert other.provenance.fallbacks == ()
    assert all(part.shots == 0 and part.hardware < 2e-6 for part in doubts(device))


@pytest.mark.parametrize(
    ("backend", "shots", "hardware"),
    [("exact", False, False), ("shots:50", True, True), ("noisy", False, True)],
)
def test_each_backend_adds_its_own_doubt_and_the_total_is_the_sum(
    folder: Path, backend: str, shots: bool, hardware: bool
) -> None:
    exact = doubts(results(predictor(folder, "exact"), [1, 2]))
    found = doubts(results(predictor(folder, backend), [1, 2]))
    for one, other in zip(exact, found, strict=True):
        assert (other.data, other.imputation, other.model) == (one.data, one.imputation, one.model)
        assert ((other.shots > 0), (other.hardware > 0)) == (shots, hardware)
        parts = other.data + other.imputation + other.model + other.shots + other.hardware
        assert other.total == pytest.approx(parts, abs=5e-6)


@pytest.mark.parametrize("kind", ["fourier", "mlp", "none"])
def test_a_network_without_a_circuit_asks_no_backend(tmp_path: Path, kind: FusionKind) -> None:
    write_untrained(tmp_path, seed=5, fusion=kind)
    network, manifest = load_network(tmp_path)
    (one,) = results(Predictor(network, manifest, PredictSettings(quantum=BackendSettings("shots:10"))), [1])
    assert (one.provenance.quantum_backend, one.provenance.fallbacks) == ("none", ())


def test_a_result_without_evidence_ran_no_circuit(folder: Path) -> None:
    asked = predictor(folder, "shots:10")
    (one,) = asked.predict([request(1, "", asked.manifest.model)], [{}])
    assert (one.provenance.quantum_backend, one.provenance.quantum_reason) == ("none", "no circuit was run")
