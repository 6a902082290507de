"""The fusion circuit without a simulator: precomputed unitaries and batched products in plain torch.

Between two rings of CNOTs every gate acts on one wire, so the layer's RY and RZ and the next upload
fuse into two Kronecker factors, one for each half of the wires. RY(t) on k wires has only 2^k
different entries, the products of cos(t/2) and sin(t/2); so an uploaded factor is that vector times
a table which the weights fix (`Tables`), and serving computes the tables once (`FrozenCircuit`).
A ring of CNOTs permutes the basis; the last RZ cannot be seen by Z and is left out.

Tried and slower (n = 8, L = 3, batch 32, 0.42 ms): dense 2^n unitaries between the uploads (0.71 ms),
Kronecker products of complex 2x2 gates (0.66 ms).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.circuit_basis import ring_source, signs, turn_entries


class Tables(NamedTuple):
    """What the weights fix, for L layers on n wires, k = n // 2 of them in the left half and m in the right."""

    left: Tensor
    """(L-1, 2^k, 2·4^k): from the entries of an upload to RY·RZ·RY on the left half (complex, row by row)."""
    right: Tensor
    """(L-1, 2^m, 2·4^m): the same on the right half, transposed."""
    last_left: Tensor
    """(2^k, 2^k): the last layer's RY on the left half."""
    last_right: Tensor
    """(2·2^m, 2·2^m): the last layer's RY on the right half, transposed, for real and imaginary parts in turn."""


class Basis(NamedTuple):
    """What the number of wires fixes."""

    turn_left: Tensor
    """(2^k, 4^k) of 0 and ±1: from cosine and sine products to the matrix of RY on every wire."""
    turn_right: Tensor
    """(2^m, 4^m), the same."""
    source: Tensor
    """(2·2^n,) long: where the CNOT ring takes each real and imaginary part from."""
    observed: Tensor
    """(2·2^n, 2n): the eigenvalues of each Z_i and Z_i Z_{i+1}."""


def basis(wires: int) -> Basis:
    """The constants of a circuit on `wires` >= 2 wires."""
    source = ring_source(wires)
    source = torch.stack((2 * source, 2 * source + 1), dim=-1).flatten()
    observed = signs(wires).repeat_interleave(2, dim=0)
    return Basis(turn_entries(wires // 2), turn_entries(wires - wires // 2), source, observed)


def tables(weights: Tensor, fixed: Basis) -> Tables:
    """The tables of weights (L, n, 2) in radians; differentiable."""
    upper = weights.shape[1] // 2
    left, right = (
        layer_factor(weights[:-1, :upper], fixed.turn_left),
        layer_factor(weights[:-1, upper:], fixed.turn_right),
    )
    return Tables(
        left=uploaded(left, fixed.turn_left, transposed=False),
        right=uploaded(right, fixed.turn_right, transposed=True),
        last_left=turns(weights[-1, :upper, 0], fixed.turn_left),
        last_right=torch.kron(
            turns(weights[-1, upper:, 0], fixed.turn_right).mT.contiguous(), torch.eye(2).to(weights)
        ),
    )


def layer_factor(weights: Tensor, turn: Tensor) -> Tensor:
    """RZ·RY on every wire of one half: weights (L, k, 2), turn (2^k, 4^k) -> (L, 2^k, 2^k) complex."""
    wires = weights.shape[1]
    phase = weights[..., 1] @ (-0.5 * signs(wires)[:, :wires].to(weights)).mT  # (L, 2^k)
    return torch.polar(torch.ones_like(phase), phase).unsqueeze(-1) * turns(weights[..., 0], turn)


def uploaded(factor: Tensor, turn: Tensor, *, transposed: bool) -> Tensor:
    """From the entries of an upload to its RY times `factor` (L, d, d) complex: (L, d, 2·d²) real, d = 2^k."""
    size = factor.shape[-1]
    product = turn.view(size, size, size).to(factor.dtype) @ factor.unsqueeze(1)  # (L, entry, row, column)
    product = product.mT if transposed else product
    return torch.view_as_real(product.resolve_conj().contiguous()).flatten(2)


def cosine_sine(radians: Tensor) -> Tensor:
    """cos(t/2) and sin(t/2): (...) -> (..., 2)."""
    half = radians / 2
    return torch.stack((half.cos(), half.sin()), dim=-1)


def products(pairs: Tensor) -> Tensor:
    """Every product with one cosine or sine a wire: (..., k, 2) -> (..., 2^k)."""
    joined = pairs[..., 0, :]
    for wire in range(1, pairs.shape[-2]):
        joined = (joined.unsqueeze(-1) * pairs[..., wire, :].unsqueeze(-2)).flatten(-2)
    return joined


def turns(radians: Tensor, turn: Tensor) -> Tensor:
    """RY on every wire: radians (..., k), turn (2^k, 4^k) -> (..., 2^k, 2^k) real."""
    return (products(cosine_sine(radians)) @ turn).view(*radians.shape[:-1], turn.shape[0], turn.shape[0])


def expectations(angles: Tensor, scale: Tensor, table: Tables, fixed: Basis) -> Tensor:
    """Run the circuit: angles (B, n) radians, scale (L, n) -> (B, 2n)."""
    return final_state(angles, scale, table, fixed).square() @ fixed.observed


def probabilities(angles: Tensor, scale: Tensor, table: Tables, fixed: Basis) -> Tensor:
    """How probable each outcome of measuring all wires is: angles (B, n), scale (L, n) -> (B, 2^n)."""
    return final_state(angles, scale, table, fixed).square().view(len(angles), -1, 2).sum(-1)


def final_state(angles: Tensor, scale: Tensor, table: Tables, fixed: Basis) -> Tensor:
    """The state before measuring: (B, 2·2^n), real and imaginary parts in turn."""
    rows, upper = angles.shape[0], angles.shape[1] // 2
    pairs = cosine_sine(angles * scale.unsqueeze(1))  # (L, B, n, 2)
    left, right = products(pairs[..., :upper, :]), products(pairs[..., upper:, :])  # (L, B, 2^k), (L, B, 2^m)
    shape = (rows, left.shape[-1], right.shape[-1])
    real = functional.pad(right[0].unsqueeze(-1), (0, 1)).flatten(1)  # (B, 2·2^m): imaginary parts are 0
    state = (left[0].unsqueeze(-1) * real.unsqueeze(1)).flatten(1)  # (B, 2·2^n): a product state
    state = state.index_select(1, fixed.source)
    lefts, rights = complex_matrices(left[1:] @ table.left), complex_matrices(right[1:] @ table.right)
    for layer_left, layer_right in zip(lefts, rights, strict=True):
        complex_state = torch.view_as_complex(state.view(*shape, 2))
        complex_state = layer_left @ complex_state @ layer_right  # (B, 2^k, 2^m)
        state = torch.view_as_real(complex_state).flatten(1).index_select(1, fixed.source)
    state = table.last_left @ (state.view(-1, 2 * shape[2]) @ table.last_right).view(rows, shape[1], -1)
    return state.flatten(1)


def complex_matrices(flat: Tensor) -> Tensor:
    """(..., 2·d²) real -> (..., d, d) complex."""
    size = round((flat.shape[-1] / 2) ** 0.5)
    return torch.view_as_complex(flat.view(*flat.shape[:-1], size, size, 2))


class CompiledCircuit(nn.Module):
    """The trainable circuit: equal to `reference_expectations`, differentiable in angles, scale and weights.

    angles (B, n) radians -> (B, 2n): ⟨Z_i⟩, then ⟨Z_i Z_{i+1}⟩ around the ring. n >= 2, layers >= 1.
    """

    def __init__(self, wires: int = 8, layers: int = 3, *, generator: torch.Generator) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(layers, wires))
        self.weights = nn.Parameter(0.1 * torch.randn(layers, wires, 2, generator=generator))
        register(self, basis(wires))

    def forward(self, angles: Tensor) -> Tensor:
        """angles (B, n) -> (B, 2n)."""
        fixed = Basis(*(self.get_buffer(name) for name in Basis._fields))
        return expectations(angles, self.scale, tables(self.weights, fixed), fixed)

    def frozen(self) -> "FrozenCircuit":
        """The same circuit with its unitaries computed once, for serving; later training does not reach it."""
        return FrozenCircuit(self)


class FrozenCircuit(nn.Module):
    """The circuit as served: no parameters, a gradient towards the angles only. angles (B, n) -> (B, 2n)."""

    scale: Tensor
    weights: Tensor
    """As trained, for backends that run the circuit elsewhere."""

    def __init__(self, circuit: CompiledCircuit) -> None:
        super().__init__()
        fixed = Basis(*(circuit.get_buffer(name) for name in Basis._fields))
        self.register_buffer("scale", circuit.scale.detach().clone(), persistent=False)
        self.register_buffer("weights", circuit.weights.detach().clone(), persistent=False)
        register(self, fixed)
        register(self, tables(circuit.weights.detach(), fixed))

    def forward(self, angles: Tensor) -> Tensor:
        """angles (B, n) -> (B, 2n)."""
        return expectations(angles, self.scale, *self._constants())

    def probabilities(self, angles: Tensor) -> Tensor:
        """How probable each outcome of measuring all wires is: angles (B, n) -> (B, 2^n)."""
        return probabilities(angles, self.scale, *self._constants())

    def _constants(self) -> tuple[Tables, Basis]:
        fixed = Basis(*(self.get_buffer(name) for name in Basis._fields))
        return Tables(*(self.get_buffer(name) for name in Tables._fields)), fixed


def register(module: nn.Module, named: Basis | Tables) -> None:
    """Keep the tensors as buffers: they follow the module to its device and dtype, and are not saved with it."""
    for name, table in named._asdict().items():
        module.register_buffer(name, table, persistent=False)


def shot_variance(expectations: Tensor, shots: int) -> Tensor:
    """The variance of a mean of `shots` outcomes of ±1 with these expectations e: (1 - e²) / shots."""
    return (1 - expectations.square()) / shots
