"""The fusion core `mlp`: a small perceptron with as many trained numbers as the circuit has (DESIGN §7)."""

import torch
from torch import Tensor, nn


class MlpCore(nn.Module):
    """angles (B, n) -> (B, 2n) within ±1: one hidden layer of h units, tanh after both.

    It has h(3n + 1) + 2n trained numbers. For n = 8, L = 3 that is 66 with h = 2: between the circuit's 72
    and the 64 of them that its outputs can see (the last RZ of each wire is invisible to Z).
    """

    def __init__(self, wires: int, layers: int) -> None:
        super().__init__()
        hidden = hidden_units(wires, layers)
        self.inner = nn.Linear(wires, hidden)
        self.outer = nn.Linear(hidden, 2 * wires)

    def forward(self, angles: Tensor) -> Tensor:
        """angles (B, n) -> (B, 2n)."""
        outputs: Tensor = torch.tanh(self.outer(torch.tanh(self.inner(angles))))
        return outputs


def hidden_units(wires: int, layers: int) -> int:
    """The h >= 1 whose count of trained numbers is nearest to the circuit's 3nL."""
    return max(1, round((3 * wires * layers - 2 * wires) / (3 * wires + 1)))
