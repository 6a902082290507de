"""The circuit beside PennyLane's simulator, and inference beside the forward passes it cannot do without."""

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
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
from measures.place import Installation, Place, Size
from measures.roles import patients
from model.circuit import fusion_circuit
from model.circuit_compiled import CompiledCircuit
from model.heads import Logits
from model.serving import Predictor, load_predictor
from model.voices import Voices, diagnoses, responses, survivals
from schemas.message import Message
from streams.step import Said

Pass = tuple[Callable[..., Any], tuple[Any, ...]]
"""A forward pass and what it was given."""

_ROWS, _AT_ONCE = 512, 64
_CIRCUIT_ROWS = 32
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
        return torch.stack(self.node(angles, self.scale, self.weights), dim=-1).to(angles)


class Recorder:
    """Stands before a network, or a part of it, and remembers every forward pass that is asked of it."""

    def __init__(self, part: Any, passes: list[Pass]) -> None:
        self.part, self.passes = part, passes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.part, name)
        return Recorder(found, self.passes) if callable(found) else found

    def __call__(self, *args: Any) -> Any:
        self.passes.append((self.part, args))
        return self.part(*args)


@torch.inference_mode()
def replay(passes: Sequence[Pass]) -> None:
    """Do forward passes again, on the same tensors."""
    for forward, args in passes:
        forward(*args)


def measure_circuit(place: Place, size: Size) -> list[Figure]:
    """The circuit alone at batch 32, and all forward passes of 32 requests, in the manifest's batches, with either."""
    predictor = load_predictor(place.untrained)
    sizes, network = predictor.manifest.sizes, predictor.network
    compiled = CompiledCircuit(sizes.qubits, sizes.circuit_layers, generator=torch.Generator().manual_seed(0))
    circuits = compiled.frozen(), SimulatedCircuit(compiled.scale, compiled.weights)
    angles = torch.randn(_CIRCUIT_ROWS, sizes.qubits, generator=torch.Generator().manual_seed(1))
    passes = passes_of(predictor, requests(place.installation(place.untrained, min_modalities="1"), _CIRCUIT_ROWS))

    def whole(circuit: nn.Module) -> float:
        network.fusion.circuit = circuit
        return spent(lambda: replay(passes), 3)

    with one_thread(), torch.inference_mode():
        alone = [tuple(spent(lambda c=c: c(angles), 20) for c in circuits) for _ in range(size.runs)]
        forward = [tuple(whole(circuit) for circuit in circuits) for _ in range(size.runs)]
    return [
        _times(f"circuit, batch {_CIRCUIT_ROWS}, default.qubit", alone, f"≥ {_CIRCUIT_LIMIT} ×", _CIRCUIT_LIMIT),
        _times(f"all forward passes of {_CIRCUIT_ROWS} requests, default.qubit", forward, "–"),
    ]


def measure_inference(place: Place, size: Size) -> list[Figure]:
    """Request bytes to result bytes, against its own forward passes done again and nothing else.

    A forward pass ends where every user of the network would: at calibrated probabilities and survival curves, the
    mean of the voices over draws and heads. Doubt, intervals, expected drops and all of records are ours alone.
    """
    predictor = load_predictor(place.untrained)
    messages = requests(place.installation(place.untrained, min_modalities="1"), size.of(_ROWS))
    gc.collect()
    gc.freeze()  # as the worker does
    with one_thread():
        passes = passes_of(predictor, messages)
        passes += endings_of(passes)
        pairs = [
            (spent(lambda: answered(predictor, messages)), spent(lambda: replay(passes))) for _ in range(size.runs)
        ]
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


def requests(own: Installation, rows: int) -> list[Message]:
    """Requests as they would arrive."""
    records = request_records(own, patients(rows, 1))
    return [message(record.topic, record.value or b"") for record in records]


def answered(predictor: Predictor, messages: Sequence[Message]) -> None:
    """All messages, 64 at a time as the role takes them; nothing is known of them."""
    answering = Answering(predictor, "results")
    for start in range(0, len(messages), _AT_ONCE):
        batch = answering.read(messages[start : start + _AT_ONCE])
        outcomes = answering.answer(batch, answering.encode(batch, {}), datetime.now(UTC))
        if not all(isinstance(outcome, Said) for outcome in outcomes):
            raise RuntimeError("a request was refused: the benchmark's requests are wrong")


def passes_of(predictor: Predictor, messages: Sequence[Message]) -> list[Pass]:
    """Every forward pass that answering these takes."""
    network, recorder = predictor.network, Recorder(predictor.network, [])
    predictor.network = recorder  # type: ignore[assignment]
    answered(predictor, messages)
    predictor.network = network
    return recorder.passes


@torch.inference_mode()
def endings_of(passes: Sequence[Pass]) -> list[Pass]:
    """What makes probabilities and curves of the logits, once for every batch: of its roads and its first decision.

    The network is asked for the roads of some batches, then for as many decisions, then for those of expected drops.
    """
    found: list[Pass] = []
    waiting: deque[tuple[Logits, Logits]] = deque()
    for forward, args in passes:
        if forward.__name__ == "roads":
            waiting.append(forward(*args))
        elif forward.__name__ == "decide" and waiting:
            roads = waiting.popleft()
            rows = len(roads[0].hazard)
            fusion = Logits(*(part.unflatten(0, (rows, -1)) for part in forward(*args)))
            found.append((ending, (Voices(fusion, *roads), torch.ones(rows, dtype=torch.float64))))
    return found


def ending(voices: Voices, temperature: Tensor) -> list[Tensor]:
    """Calibrated probabilities, survival curves and responses of B patients."""
    said = diagnoses(voices, temperature), survivals(voices), responses(voices)
    return [each.mean((1, 2)) for each in said]


def _times(name: str, pairs: list[tuple[float, ...]], target: str, least: float | None = None) -> Figure:
    ratio = median(theirs / ours for ours, theirs in pairs)
    ours, theirs = (median(pair[side] for pair in pairs) * 1e3 for side in (0, 1))
    met = None if least is None else ratio >= least
    return Figure(name, f"{ours:.2f} ms CPU", f"{theirs:.2f} ms CPU", f"{ratio:.0f} × faster", target, met)
