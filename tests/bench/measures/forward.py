"""The circuit beside PennyLane's simulator, and inference beside the forward passes it cannot do without."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Any

import pennylane as qml
import torch
from torch import Tensor, nn

from agents.answering import Answering
from measures.figures import Figure
from measures.inside import message, request_records
from measures.place import Place, Size
from measures.roles import patients
from model.answers import answer
from model.circuit import fusion_circuit
from model.circuit_compiled import CompiledCircuit
from model.network import MODALITIES, Network
from model.serving import Predictor, load_predictor
from schemas.message import Message
from streams.step import Said

_ROWS = 512
_FORWARD_LIMIT, _CIRCUIT_LIMIT, _ROWS_A_SECOND = 1.3, 40, 300


class SimulatedCircuit(nn.Module):
    """The frozen circuit's drop-in by `default.qubit`, its node made once: angles (B, n) -> (B, 2n)."""

    def __init__(self, scale: Tensor, weights: Tensor) -> None:
        super().__init__()
        self.scale, self.weights = scale.detach(), weights.detach()
        device = qml.device("default.qubit", wires=scale.shape[1])
        self.node = qml.QNode(fusion_circuit, device, interface="torch", diff_method=None)

    def forward(self, angles: Tensor) -> Tensor:
        """angles (B, n) -> (B, 2n)."""
        return torch.stack(self.node(angles, self.scale, self.weights), dim=-1)


class Recorder:
    """Stands before a network and remembers every forward pass that is asked of it."""

    def __init__(self, network: Network) -> None:
        self.passes: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self.network = network

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.network, name)
        if name not in ("embed", "impute", "decide"):
            return found

        def recorded(*args: Any) -> Any:
            self.passes.append((found, args))
            return found(*args)

        return recorded

    @torch.inference_mode()
    def replay(self) -> None:
        """Do those passes again, on the same tensors."""
        for forward, args in self.passes:
            forward(*args)


def measure_circuit(place: Place, size: Size) -> list[Figure]:
    """The circuit alone at batch 32, and one whole batch through the network with either."""
    predictor = load_predictor(place.untrained)
    sizes = predictor.manifest.sizes
    compiled = CompiledCircuit(sizes.qubits, sizes.circuit_layers, generator=torch.Generator().manual_seed(0))
    frozen, simulated = compiled.frozen(), SimulatedCircuit(compiled.scale, compiled.weights)
    angles = torch.randn(sizes.batch, sizes.qubits, generator=torch.Generator().manual_seed(1))
    with one_thread(), torch.inference_mode():
        alone = [(spent(lambda: frozen(angles), 200), spent(lambda: simulated(angles), 10)) for _ in range(size.runs)]
        whole = _whole(predictor, {"ours": frozen, "theirs": simulated}, size.runs)
    return [
        _times(f"circuit, batch {sizes.batch}, default.qubit", alone, f"≥ {_CIRCUIT_LIMIT} ×", _CIRCUIT_LIMIT),
        _times(f"{sizes.batch} whole answers ({sizes.batch * sizes.draws} rows a circuit), default.qubit", whole, "–"),
    ]


def measure_inference(place: Place, size: Size) -> list[Figure]:
    """Request bytes to result bytes, against its own forward passes done again and nothing else."""
    own = place.installation(min_modalities="1")
    predictor = load_predictor(place.network)
    records = request_records(own, patients(size.of(_ROWS), 1))
    messages = [message(record.topic, record.value or b"") for record in records]
    recorder = Recorder(predictor.network)
    with one_thread():
        predictor.network = recorder  # type: ignore[assignment]
        _answered(predictor, messages)
        predictor.network = recorder.network
        pairs = [(spent(lambda: _answered(predictor, messages)), spent(recorder.replay)) for _ in range(size.runs)]
    ratio = median(ours / bare for ours, bare in pairs)
    ours, bare = (median(pair[side] for pair in pairs) / len(messages) * 1e6 for side in (0, 1))
    rate = 1e6 / ours
    return [
        Figure(
            "inference, bytes in to bytes out, a row",
            f"{ours:.0f} µs CPU",
            f"{bare:.0f} µs CPU of bare forward passes",
            f"{ratio:.2f} CPU",
            f"≤ {_FORWARD_LIMIT} ×",
            ratio <= _FORWARD_LIMIT,
        ),
        Figure("inference, one core", f"{rate:.0f} rows/s", "–", "–", f"≥ {_ROWS_A_SECOND}", rate >= _ROWS_A_SECOND),
    ]


def spent(work: Callable[[], object], times: int = 1) -> float:
    """CPU seconds of one call, after one that does not count."""
    work()
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times


@contextmanager
def one_thread() -> Iterator[None]:
    """One core for torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _answered(predictor: Predictor, messages: list[Message]) -> None:
    """All messages, 256 at a time as the role takes them; nothing is known of them."""
    answering = Answering(predictor, "results")
    for start in range(0, len(messages), 256):
        batch = answering.read(messages[start : start + 256])
        outcomes = answering.answer(batch, answering.encode(batch, {}), datetime.now(UTC))
        if not all(isinstance(outcome, Said) for outcome in outcomes):
            raise RuntimeError("a request was refused: the benchmark's requests are wrong")


def _whole(predictor: Predictor, circuits: dict[str, nn.Module], runs: int) -> list[tuple[float, float]]:
    """CPU seconds of one padded batch of which a third lacks each modality, with each circuit."""
    sizes, generator = predictor.manifest.sizes, torch.Generator().manual_seed(2)
    embeddings = torch.randn(sizes.batch, len(MODALITIES), sizes.width, generator=generator)
    noise = torch.randn(sizes.batch, sizes.draws, len(MODALITIES), sizes.width, generator=generator)
    present = torch.arange(sizes.batch)[:, None] % 3 != torch.arange(len(MODALITIES))

    def with_circuit(name: str) -> float:
        predictor.network.fusion.circuit = circuits[name]
        return spent(lambda: answer(predictor.network, predictor.manifest, embeddings, present, noise), 3)

    return [(with_circuit("ours"), with_circuit("theirs")) for _ in range(runs)]


def _times(name: str, pairs: list[tuple[float, float]], target: str, least: float | None = None) -> Figure:
    ratio = median(theirs / ours for ours, theirs in pairs)
    ours, theirs = (median(pair[side] for pair in pairs) * 1e3 for side in (0, 1))
    met = None if least is None else ratio >= least
    return Figure(name, f"{ours:.2f} ms CPU", f"{theirs:.2f} ms CPU", f"{ratio:.0f} × faster", target, met)
