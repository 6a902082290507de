"""How much gradient is left: the variance of a cost's gradient over random weights, the sign of a barren plateau."""

import math
from typing import NamedTuple

import torch

from model.circuit_compiled import Basis, CompiledCircuit, probabilities, tables


class Start(NamedTuple):
    """What the draws are taken from."""

    spread: float | None = 0.1
    """Standard deviation of the weights (0.1 is how training starts); None: uniform over a whole turn."""
    reach: float = math.pi
    """Inputs are uniform within ± this, in radians; ±π is all that the layer's angles can be."""


OURS = Start()
"""How training starts, over all inputs that there can be."""


class GradientVariance(NamedTuple):
    """Variance over draws of the derivative by one weight, averaged over the weights that the cost depends on."""

    local: float
    """Of ⟨Z_0⟩."""
    overall: float
    """Of the probability of the outcome 0…0: a cost that looks at all wires at once."""


def haar_variance(wires: int) -> GradientVariance:
    """What is left where the gates before and after a weight are random beyond telling: the plateau itself.

    By the parameter-shift rule a derivative is half the difference of two expectations. In random states these
    are independent, with variance 1/(N + 1) for ⟨Z_0⟩ and (N - 1)/(N²(N + 1)) for the probability of one
    outcome, N = 2^n (moments of the Haar measure, as in McClean et al. 2018).
    """
    size = 2**wires
    return GradientVariance(1 / (2 * (size + 1)), (size - 1) / (2 * size**2 * (size + 1)))


def gradient_variance(
    wires: int, layers: int, draws: int, generator: torch.Generator, start: Start = OURS
) -> GradientVariance:
    """Both costs' variances over `draws` circuits of scale 1; the last RZ of a wire moves nothing and is left out."""
    circuit = CompiledCircuit(wires, layers, generator=generator).double()
    fixed = Basis(*(circuit.get_buffer(name) for name in Basis._fields))
    found: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for _ in range(draws):
        angles = start.reach * (2 * torch.rand(1, wires, generator=generator).double() - 1)
        weights = _weights(wires, layers, start.spread, generator).requires_grad_()
        outcome = probabilities(angles, circuit.scale.detach(), tables(weights, fixed), fixed)[0]  # (2^n,)
        first_wire = outcome[: 2 ** (wires - 1)].sum() - outcome[2 ** (wires - 1) :].sum()
        for place, cost in enumerate((first_wire, outcome[0])):
            (slope,) = torch.autograd.grad(cost, weights, retain_graph=place == 0)
            found[place].append(torch.cat((slope[:-1].flatten(), slope[-1, :, 0])))
    return GradientVariance(*(_mean_variance(torch.stack(slopes)) for slopes in found))


def _weights(wires: int, layers: int, spread: float | None, generator: torch.Generator) -> torch.Tensor:
    if spread is None:
        return 2 * torch.pi * torch.rand(layers, wires, 2, generator=generator).double()
    return spread * torch.randn(layers, wires, 2, generator=generator).double()


def _mean_variance(slopes: torch.Tensor) -> float:
    """slopes (draws, weights): variance over draws, averaged over the weights whose slope is not always 0."""
    variance = slopes.var(0)
    return float(variance[variance > 1e-20].mean())
