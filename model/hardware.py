"""What a training runs on, as its phases see it: which rows are this process's, where they go, what all say together.

Every process draws the same random numbers, on the CPU and for the whole batch, and computes its own rows of it: so a
seed means the same on every device and for any number of processes. Tensors move in `mine` and modules in `placed`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

_Got = TypeVar("_Got")
_Mean = TypeVar("_Mean", float, Tensor)


class Hardware(Protocol):
    """One process among those that train a network together."""

    device: torch.device
    first: bool
    """Whether this is the process that writes files and the screen."""

    def mine(self, batch: Tensor) -> Tensor:
        """The whole batch (B, ...), on the CPU -> the rows that this process computes, on its device; at least one."""

    def part(self, mean: _Mean, counts: Tensor) -> _Mean:
        """A mean over this process's rows -> what it adds to the mean over all, where each row counts (B,)."""

    def total(self, number: float) -> float:
        """The sum over all processes."""

    def backward(self, loss: Tensor, parameters: Sequence[nn.Parameter]) -> float:
        """Give the parameters the gradient of the sum of all processes' losses, and return that sum."""

    def together(self, act: Callable[[], _Got]) -> _Got:
        """What `act` gives here, once every process has done it; a failure of one is raised in all."""

    def from_first(self, act: Callable[[], _Got]) -> _Got:
        """What `act` gives in the first process, which alone does it; its failure is raised in all."""


class Alone:
    """One process on the CPU: what runs where nobody asked for more."""

    device = torch.device("cpu")
    first = True

    def mine(self, batch: Tensor) -> Tensor:
        """All of it."""
        return batch

    def part(self, mean: _Mean, counts: Tensor) -> _Mean:
        """The mean itself."""
        return mean

    def total(self, number: float) -> float:
        """The number itself."""
        return number

    def backward(self, loss: Tensor, parameters: Sequence[nn.Parameter]) -> float:
        """The gradient of this loss."""
        torch.autograd.backward(loss, inputs=list(parameters))
        return float(loss.detach())

    def together(self, act: Callable[[], _Got]) -> _Got:
        """What it gives."""
        return act()

    def from_first(self, act: Callable[[], _Got]) -> _Got:
        """What it gives."""
        return act()


ALONE = Alone()


@contextmanager
def placed(modules: Sequence[nn.Module], device: torch.device) -> Iterator[None]:
    """The modules on the device, and on the CPU again however it ends."""
    for module in modules:
        module.to(device)
    try:
        yield
    finally:
        for module in modules:
            module.to("cpu")
