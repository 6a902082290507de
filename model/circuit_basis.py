"""The computational basis of n wires: rings, eigenvalues and rotations as tables. Wire 0 is the highest bit."""

import torch
from torch import Tensor


def basis_bits(wires: int) -> Tensor:
    """The bit of each wire in each basis state: (2^n, n) long."""
    return (torch.arange(2**wires).unsqueeze(-1) >> torch.arange(wires - 1, -1, -1)) & 1


def ring_source(wires: int) -> Tensor:
    """Where each basis state comes from through the CNOTs (0, 1), (1, 2) … (n-1, 0), in that order: (2^n,) long."""
    bits = basis_bits(wires)
    for wire in range(wires):
        bits[:, (wire + 1) % wires] ^= bits[:, wire]
    target = (bits << torch.arange(wires - 1, -1, -1)).sum(dim=-1)
    return target.argsort()


def signs(wires: int) -> Tensor:
    """The eigenvalues of each Z_i, then of each Z_i Z_{i+1} around the ring: (2^n, 2n) of ±1."""
    single = 1.0 - 2.0 * basis_bits(wires)
    return torch.cat((single, single * single.roll(-1, dims=-1)), dim=-1)


def turn_entries(wires: int) -> Tensor:
    """Where RY on every wire puts each product of cosines and sines: (2^n, 4^n) of 0 and ±1.

    Entry (row, column) is the product with a sine on the wires where the two differ, negative
    once for each wire that is 0 in the row and 1 in the column: RY = [[cos, -sin], [sin, cos]].
    """
    state = torch.arange(2**wires)
    row, column = state.unsqueeze(1), state.unsqueeze(0)
    bits = basis_bits(wires)
    lowered = ((1 - bits).unsqueeze(1) * bits.unsqueeze(0)).sum(dim=-1)  # (row, column)
    which = (row ^ column).flatten() == state.unsqueeze(1)  # (2^n, 4^n)
    return which * (1.0 - 2.0 * (lowered % 2)).flatten()
