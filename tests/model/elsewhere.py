"""A device that no machine has: its tensors compute on the CPU, and refuse to meet one that was left there.

So a machine without a GPU can tell whether a training that says it runs on a device has all its tensors on it.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from model.hardware import Alone

DEVICE = torch.device("meta")
"""What its tensors say they are on: a device without kernels, so nothing runs there by accident."""
_MOVES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}
_Got = TypeVar("_Got")


class There(Tensor):
    """A tensor of that device."""

    inner: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> "There":
        made = Tensor._make_wrapper_subclass(
            cls, real.shape, real.stride(), real.storage_offset(), dtype=real.dtype, device=DEVICE
        )
        made.inner = real
        return made

    def tolist(self) -> Any:
        """Numbers come from any device."""
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class Border(TorchDispatchMode):
    """While this lasts, tensors can be made on that device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        concerned = There in types or kwargs.get("device") == DEVICE
        return computed(func, args, kwargs) if concerned else func(*args, **kwargs)


def computed(func: Any, args: Any, kwargs: Any) -> Any:
    """One operation: on the side of its tensors, or where it is told to go."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = {id(tensor.inner): tensor for tensor in tensors if isinstance(tensor, There)}
    left = [tensor for tensor in tensors if not isinstance(tensor, There) and tensor.dim()]  # a number may be anywhere
    if there and left and func not in _MOVES:
        raise RuntimeError(f"{func} met a tensor {tuple(left[0].shape)} that was left on the CPU")
    to = kwargs.get("device")
    goes = to == DEVICE if to is not None else bool(there) and isinstance(tensors[0], There)
    if to is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    if there and torch.Tag.inplace_view in func.tags:
        with no_dispatch():
            func(*args, **kwargs)  # the shape that the tensor itself shows
    args, kwargs = tree_map_only(There, lambda tensor: tensor.inner, (args, kwargs))

    def come(found: Tensor) -> Tensor:
        if id(found) in there:  # changed in place
            return there[id(found)]
        return There(found) if goes else found

    return tree_map_only(Tensor, come, func(*args, **kwargs))


class Elsewhere(Alone):
    """One process whose phases run on that device."""

    device = DEVICE

    def mine(self, batch: Tensor) -> Tensor:
        return batch.to(DEVICE)


def elsewhere(act: Callable[[Elsewhere], _Got]) -> _Got:
    """What it gives on that device."""
    with Border():
        return act(Elsewhere())


def places_of(module: nn.Module) -> Sequence[str]:
    """Where its tensors are."""
    return sorted({tensor.device.type for tensor in (*module.parameters(), *module.buffers())})
