"""Shots, noise and devices measure what the circuit's closed forms say they must."""

import pennylane as qml
import pytest
import torch
from torch import Tensor

from model.backend_choice import open_backend
from model.backends import Backend, BackendSettings, Device, Exact, Measured, Noisy, Setback, Shots, parse_backend
from model.circuit import reference_expectations
from model.circuit_compiled import CompiledCircuit, FrozenCircuit, shot_variance
from model.guarded_backend import say_nothing

CLEAN = BackendSettings("noisy", depolarising=0, damping=0, readout=0)


def frozen(wires: int = 3, layers: int = 2) -> FrozenCircuit:
    generator = torch.Generator().manual_seed(wires)
    circuit = CompiledCircuit(wires, layers, generator=generator)
    with torch.no_grad():
        circuit.scale.copy_(torch.randn(layers, wires, generator=generator))
        circuit.weights.copy_(3 * torch.randn(layers, wires, 2, generator=generator))
    return circuit.double().frozen()


def still(wires: int) -> FrozenCircuit:
    """One layer without an upload and without a turn: only its gates are there, for noise to follow."""
    circuit = CompiledCircuit(wires, 1, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        circuit.scale.zero_()
        circuit.weights.zero_()
    return circuit.frozen()


def angles_of(rows: int, wires: int = 3) -> Tensor:
    return 3 * torch.randn(rows, wires, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def opened(circuit: FrozenCircuit, settings: BackendSettings) -> Backend:
    backend = open_backend(settings, circuit, say_nothing)
    assert not isinstance(backend, Exact)
    return backend


def measured(circuit: FrozenCircuit, settings: BackendSettings, angles: Tensor, identity: str = "r") -> Measured:
    outcome = opened(circuit, settings).run(angles, identity)
    assert isinstance(outcome, Measured)
    return outcome


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exact", Exact()),
        ("noisy", Noisy()),
        ("shots:1000", Shots(1000)),
        ("device:lightning.qubit", Device("lightning.qubit", None)),
        ("device:ionq.qpu:500", Device("ionq.qpu", 500)),
    ],
)
def test_a_backend_is_named(name: str, expected: object) -> None:
    assert parse_backend(name) == expected


@pytest.mark.parametrize("name", ["", "ionq", "shots", "shots:0", "shots:-1", "shots:x", "device:", "device:a:b:c"])
def test_what_names_no_backend_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="wanted exact, shots:N, noisy"):
        parse_backend(name)


@pytest.mark.slow
def test_probabilities_of_the_compiled_circuit_are_those_of_pennylane() -> None:
    circuit, angles = frozen(), angles_of(1)

    @qml.qnode(qml.device("default.qubit", wires=3))
    def outcome() -> object:
        for scale, weights in zip(circuit.scale.numpy(), circuit.weights.numpy(), strict=True):
            for wire in range(3):
                qml.RY(angles[0, wire].item() * scale[wire], wires=wire)
            for wire in range(3):
                qml.CNOT(wires=[wire, (wire + 1) % 3])
            for wire in range(3):
                qml.RY(weights[wire, 0], wires=wire)
                qml.RZ(weights[wire, 1], wires=wire)
        return qml.probs(wires=range(3))

    torch.testing.assert_close(circuit.probabilities(angles)[0], torch.from_numpy(outcome()), rtol=0, atol=1e-12)


def test_shots_converge_with_the_closed_variance() -> None:
    circuit, angles = frozen(), angles_of(400)[:1].expand(400, -1)
    exact = circuit(angles[:1])[0]
    for shots in (25, 2500):
        sampled = measured(circuit, BackendSettings(f"shots:{shots}"), angles).expectations
        closed = shot_variance(exact, shots)
        torch.testing.assert_close(sampled.var(0), closed, rtol=0.3, atol=0.0)
        assert ((sampled.mean(0) - exact).abs() < 5 * (closed / 400).sqrt()).all()


def test_shots_are_those_of_the_request_and_row_alone() -> None:
    circuit, angles, settings = frozen(), angles_of(4), BackendSettings("shots:50")
    first = measured(circuit, settings, angles).expectations
    others = angles.clone()
    others[1:] += 1
    assert torch.equal(measured(circuit, settings, angles).expectations, first)
    assert torch.equal(measured(circuit, settings, others).expectations[0], first[0])
    assert not torch.equal(measured(circuit, settings, angles, "another").expectations, first)
    equal_rows = measured(circuit, settings, angles[:1].expand(4, -1)).expectations
    assert not torch.equal(equal_rows[0], equal_rows[1])


def test_shots_measure_all_wires_at_once() -> None:
    """On a product of two wires Z_0 Z_1 is their product in every shot: with one shot, so are the means."""
    one_shot = measured(frozen(2, 1), BackendSettings("shots:1"), angles_of(50, 2)).expectations
    assert torch.equal(one_shot[:, 0] * one_shot[:, 1], one_shot[:, 2])


@pytest.mark.slow
def test_noise_of_strength_zero_is_the_exact_circuit() -> None:
    for wires, layers in ((3, 2), (8, 3)):
        circuit, angles = frozen(wires, layers), angles_of(2, wires)
        found = measured(circuit, CLEAN, angles)
        torch.testing.assert_close(found.expectations, circuit(angles), rtol=0, atol=1e-6)
        assert found.shots is None


@pytest.mark.parametrize("error", [0.0, 0.1, 0.5])
def test_a_readout_error_shrinks_each_wire_by_the_closed_form(error: float) -> None:
    circuit, angles = frozen(), angles_of(2)
    found = measured(circuit, BackendSettings("noisy", depolarising=0, damping=0, readout=error), angles).expectations
    kept = torch.tensor([1 - 2 * error] * 3 + [(1 - 2 * error) ** 2] * 3, dtype=torch.float64)
    torch.testing.assert_close(found, circuit(angles) * kept, rtol=0, atol=1e-9)


def test_noise_after_each_gate_is_that_of_the_closed_form() -> None:
    """Two still wires: on each, RY, two CNOTs, RY and RZ. Depolarising by p keeps 1 - 4p/3 of Z each time.

    CNOT 0->1 takes ⟨Z_1⟩ to ⟨Z_0 Z_1⟩, then 1->0 takes ⟨Z_0⟩ to ⟨Z_0 Z_1⟩ of what there is.
    """
    kept = 1 - 4 * 0.03 / 3
    settings = BackendSettings("noisy", depolarising=0.03, damping=0, readout=0)
    found = measured(still(2), settings, torch.zeros(1, 2, dtype=torch.float64)).expectations[0]
    z0, z1, both = kept, kept, kept**2  # after the uploads
    z0, z1, both = z0 * kept, both * kept, z1 * kept**2  # CNOT 0->1: Z_1 becomes Z_0 Z_1, and Z_0 Z_1 becomes Z_1
    z0, z1, both = both * kept, z1 * kept, z0 * kept**2  # CNOT 1->0
    expected = torch.tensor([z0 * kept**2, z1 * kept**2, both * kept**4, both * kept**4], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_damping_alone_leaves_the_ground_state_and_pulls_all_else_to_it() -> None:
    strong = BackendSettings("noisy", depolarising=0, damping=1, readout=0)
    found = measured(frozen(), strong, angles_of(2)).expectations
    torch.testing.assert_close(found, torch.ones(2, 6, dtype=torch.float64), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["device:default.qubit", "device:lightning.qubit", "device:reference.qubit"])
def test_any_pennylane_device_runs_the_same_circuit(name: str) -> None:
    circuit, angles = frozen(), angles_of(3)
    found = measured(circuit, BackendSettings(name, deadline_seconds=60), angles)
    expected = reference_expectations(angles, circuit.scale, circuit.weights)
    torch.testing.assert_close(found.expectations, expected, rtol=0, atol=1e-9)
    assert found.shots is None


def test_a_device_with_shots_says_how_many() -> None:
    circuit, angles = frozen(), angles_of(2)
    found = measured(circuit, BackendSettings("device:lightning.qubit:4000", deadline_seconds=60), angles)
    assert found.shots == 4000
    exact = circuit(angles)
    assert ((found.expectations - exact).abs() <= 6 * shot_variance(exact, 4000).sqrt() + 1e-9).all()


def test_a_device_that_is_not_installed_is_not_available() -> None:
    assert opened(frozen(), BackendSettings("device:ionq.qpu:9")).run(angles_of(1), "r") is Setback.NOT_AVAILABLE
