"""The hardware that `accelerate` finds: no GPU, one, or a process for each of many.

Of the library we use the lower level. Its wrapping of modules (DistributedDataParallel) wants one `forward` a module;
our phases call parts of the network, and their losses are means over unequal counts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch._dynamo  # before there is a group: optimisers import it later, and it keeps the group it finds for ever
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, gather_object
from torch import Tensor, nn

from schemas.errors import Refused, Unavailable

_Got = TypeVar("_Got")
_Mean = TypeVar("_Mean", float, Tensor)
Known = Refused | Unavailable | ValueError | OSError
"""What is told to the other processes. Anything else is a bug: that process ends, and its launcher ends the rest."""
_PATIENCE = timedelta(hours=6)
"""How long a process waits for the others, of which one may read slower disks."""


class Accelerated:
    """A `Hardware` of any number of processes, one device each."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self._place, self._places = accelerator.process_index, accelerator.num_processes
        self.device: torch.device = accelerator.device
        self.first: bool = accelerator.is_main_process

    def mine(self, batch: Tensor) -> Tensor:
        """This process's share; where that is none, the first row, which then counts nothing in `part`."""
        rows = share(len(batch), self._place, self._places)
        return batch[rows if rows.start < rows.stop else slice(0, 1)].to(self.device)

    def part(self, mean: _Mean, counts: Tensor) -> _Mean:
        """The mean, by the share of all counts that is in this process's rows."""
        own = counts[share(len(counts), self._place, self._places)].sum()
        return mean * float(own / counts.sum().clamp_min(1))

    def total(self, number: float) -> float:
        """The same in every process, to the bit: whether to stop early is decided by it."""
        here = torch.tensor(number, dtype=torch.float64, device=self.device)
        return float(self._accelerator.reduce(here, "sum"))

    def backward(self, loss: Tensor, parameters: Sequence[nn.Parameter]) -> float:
        """One message a step: all gradients, which of them there are, the loss. One that nobody has stays None."""
        torch.autograd.backward(loss, inputs=list(parameters))
        if self._places == 1:
            return float(loss.detach())
        given = [torch.zeros_like(one) if one.grad is None else one.grad for one in parameters]
        there = torch.tensor([float(one.grad is not None) for one in parameters], device=self.device)
        message = torch.cat([*(gradient.flatten() for gradient in given), there, loss.detach().reshape(1)])
        summed: Tensor = self._accelerator.reduce(message, "sum")
        *gradients, anywhere, whole = torch.split(summed, [*(one.numel() for one in parameters), len(there), 1])
        for one, gradient, is_there in zip(parameters, gradients, anywhere.tolist(), strict=True):
            one.grad = gradient.view_as(one) if is_there else None
        return float(whole)

    def together(self, act: Callable[[], _Got]) -> _Got:
        """What `act` gives; or the failure of the first process that has one, raised in all."""
        if self._places == 1:
            return act()
        got, failures = _tried(act)
        told: list[Known] = gather_object(failures)
        if told:
            raise told[0]
        return got[0]

    def from_first(self, act: Callable[[], _Got]) -> _Got:
        """What `act` gives in the first process, pickled to the others."""
        given = self.together(lambda: [act()] if self.first else [])
        everybody: list[_Got] = gather_object(given)  # one list, which is `given` where there is one process
        return everybody[0]


@contextmanager
def accelerated() -> Iterator[Accelerated]:
    """This process's hardware, and its place among the processes that a launcher started; left in good order.

    A group that something still holds has threads, and gloo's abort the process where they meet Python's end (seen in
    6 of 7 short runs).
    """
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),  # what else accelerate may pick, Apple's GPUs, has no float64
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
    )
    try:
        yield Accelerated(accelerator)
    finally:
        accelerator.end_training()


def share(rows: int, place: int, places: int) -> slice:
    """Which of `rows` rows are for process number `place` of `places`: in order, as equal as can be, maybe none."""
    return slice(rows * place // places, rows * (place + 1) // places)


def _tried(act: Callable[[], _Got]) -> tuple[list[_Got], list[Known]]:
    """What it gives, or how it fails, as something that can be pickled."""
    try:
        return [act()], []
    except (Refused, Unavailable) as error:
        return [], [error]
    except ValueError as error:
        return [], [ValueError(str(error))]
    except OSError as error:
        return [], [OSError(str(error))]
