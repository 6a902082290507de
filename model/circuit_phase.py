"""Phase three: the circuit alone, by an optimiser of its own; everything else is frozen, and seen to be frozen."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from model.circuit_compiled import CompiledCircuit
from model.network import Network


def train_circuit(
    network: Network, loss: Callable[[], Tensor], epochs: int, rate: float
) -> Iterator[tuple[float, float]]:
    """Adam on the circuit's parameters; yields (share done, loss). Nothing for a network without a circuit.

    Raises RuntimeError where another parameter has moved: a bug, not an accident of the data.
    """
    circuit = getattr(network.fusion, "circuit", None)
    if not isinstance(circuit, CompiledCircuit):
        return
    before = _others(network)
    optimiser = torch.optim.Adam(circuit.parameters(), lr=rate)
    for epoch in range(epochs):
        optimiser.zero_grad()
        value = loss()
        value.backward(inputs=list(circuit.parameters()))  # type: ignore[no-untyped-call]
        optimiser.step()
        yield (epoch + 1) / epochs, float(value.detach())
    moved = [name for name, tensor in _others(network).items() if not torch.equal(tensor, before[name])]
    if moved:
        raise RuntimeError(f"{len(moved)} tensors outside the circuit moved while it was trained alone: {moved[:3]}")


def _others(network: Network) -> dict[str, Tensor]:
    found = network.state_dict()
    return {name: value.clone() for name, value in found.items() if not name.startswith("fusion.circuit.")}
