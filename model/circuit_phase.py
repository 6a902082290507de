"""Phase three: the circuit alone, by an optimiser of its own; everything else is frozen, and seen to be frozen."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from model.circuit_compiled import CompiledCircuit
from model.hardware import ALONE, Hardware, placed
from model.network import Network


def train_circuit(
    network: Network, loss: Callable[[], Tensor], epochs: int, rate: float, hardware: Hardware = ALONE
) -> Iterator[tuple[float, float]]:
    """Adam on the circuit's parameters; yields (share done, loss). Nothing for a network without a circuit.

    Raises RuntimeError where another parameter has moved: a bug, not an accident of the data.
    """
    circuit = getattr(network.fusion, "circuit", None)
    if not isinstance(circuit, CompiledCircuit):
        return
    before = _others(network)
    with placed((network,), hardware.device):
        parameters = list(circuit.parameters())
        optimiser = torch.optim.Adam(parameters, lr=rate)
        for epoch in range(epochs):
            optimiser.zero_grad()
            value = hardware.backward(loss(), parameters)
            optimiser.step()
            yield (epoch + 1) / epochs, value
    moved = [name for name, tensor in _others(network).items() if not torch.equal(tensor, before[name])]
    if moved:
        raise RuntimeError(f"{len(moved)} tensors outside the circuit moved while it was trained alone: {moved[:3]}")


def _others(network: Network) -> dict[str, Tensor]:
    found = network.state_dict()
    return {name: value.clone() for name, value in found.items() if not name.startswith("fusion.circuit.")}
