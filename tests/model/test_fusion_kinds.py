"""Four kinds of fusion, equal in width and near in trained numbers; the Fourier core has the circuit's spectrum."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from model.circuit_compiled import CompiledCircuit
from model.fourier_core import FourierCore
from model.fusion import Fusion, core_of
from model.mlp_core import MlpCore
from model.serving import load_predictor
from model.untrained import write_untrained
from schemas.manifest import FusionKind, Sizes

SIZES = Sizes()


def seeded(seed: int = 4) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def trained_numbers(module: nn.Module) -> int:
    return sum(part.numel() for part in module.parameters())


def along_one_angle(core: nn.Module, wires: int, wire: int) -> Tensor:
    """Sizes of the Fourier coefficients 0..16 of every output along one angle, the others held: (17, 2n)."""
    angles = (3 * torch.randn(wires, generator=seeded())).expand(32, -1).clone()
    angles[:, wire] = torch.arange(32) * 2 * torch.pi / 32
    with torch.no_grad():
        return torch.fft.rfft(core(angles), dim=0).abs() / 32


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        pytest.param("circuit", 72, id="circuit-3-a-layer-and-wire"),
        pytest.param("fourier", 64, id="fourier-the-72-less-8-that-nothing-sees"),
        pytest.param("mlp", 66, id="mlp-nearest-there-is"),
    ],
)
def test_the_cores_train_about_as_many_numbers(kind: FusionKind, numbers: int) -> None:
    assert trained_numbers(core_of(kind, SIZES, seeded())) == numbers


def test_eight_of_the_circuits_numbers_move_nothing() -> None:
    circuit = CompiledCircuit(8, 3, generator=seeded())
    angles = torch.randn(5, 8, generator=seeded())
    mixture = torch.randn(5, 16, generator=seeded())
    scale, weights = torch.autograd.grad((circuit(angles) * mixture).sum(), (circuit.scale, circuit.weights))
    assert int((scale != 0).sum() + (weights != 0).sum()) == 64


@pytest.mark.parametrize("hidden", [1, 3])
def test_no_other_perceptron_is_nearer_to_72(hidden: int) -> None:
    other = nn.Sequential(nn.Linear(8, hidden), nn.Linear(hidden, 16))
    assert abs(trained_numbers(other) - 72) > abs(trained_numbers(MlpCore(8, 3)) - 72)


@pytest.mark.parametrize("kind", ["circuit", "fourier", "mlp"])
@pytest.mark.parametrize("size", [0.1, 1.0, 30.0])
def test_a_core_gives_twice_as_many_numbers_as_wires_within_one(kind: FusionKind, size: float) -> None:
    core = core_of(kind, SIZES, seeded())
    with torch.no_grad():
        for number in core.parameters():
            number.copy_(size * torch.randn(number.shape, generator=seeded()))
        outputs = core(3 * torch.randn(200, 8, generator=seeded(1)))
    assert outputs.shape == (200, 16)
    assert outputs.abs().max() <= 1 + 1e-5


@pytest.mark.parametrize("kind", ["circuit", "fourier", "mlp", "none"])
def test_an_untrained_fusion_changes_nothing(kind: FusionKind) -> None:
    features = torch.randn(3, SIZES.width, generator=seeded())
    assert torch.equal(Fusion(kind, SIZES, seeded())(features), features)


@pytest.mark.parametrize("kind", ["circuit", "fourier", "mlp"])
def test_a_core_is_heard_once_its_gate_opens_and_every_part_learns(kind: FusionKind) -> None:
    fusion = Fusion(kind, SIZES, seeded())
    with torch.no_grad():
        fusion.gate.fill_(1.0)
    features = torch.randn(3, SIZES.width, generator=seeded())
    changed = fusion(features)
    assert not torch.allclose(changed, features, atol=1e-2)
    changed.square().sum().backward()
    assert all(part.grad is not None and part.grad.abs().max() > 0 for part in fusion.parameters())


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("kind", ["circuit", "fourier"])
def test_circuit_and_fourier_hold_frequencies_up_to_the_number_of_uploads(kind: FusionKind, layers: int) -> None:
    core = core_of(kind, Sizes(qubits=4, circuit_layers=layers), seeded())
    with torch.no_grad():
        for number in core.parameters():
            number.copy_(torch.randn(number.shape, generator=seeded()))
        if isinstance(core, CompiledCircuit):
            core.scale.fill_(1.0)
    sizes = torch.stack([along_one_angle(core, 4, wire) for wire in range(4)]).amax((0, 2))
    assert sizes[layers] > 1e-3
    assert sizes[layers + 1 :].max() < 1e-6


def test_a_frequency_vector_mixes_one_to_three_angles() -> None:
    core = FourierCore(8, 3, generator=seeded())
    mixed = (core.frequencies != 0).sum(-1)
    assert set(mixed.tolist()) == {1, 2, 3}
    assert set(core.frequencies.flatten().tolist()) == set(range(-3, 4))
    assert {name for name, _ in core.named_parameters()} == {"amplitudes"}


@pytest.mark.parametrize("kind", ["fourier", "mlp", "none"])
def test_a_network_of_any_kind_is_read_as_it_was_written(tmp_path: Path, kind: FusionKind) -> None:
    manifest = write_untrained(tmp_path, seed=5, fusion=kind)
    predictor = load_predictor(tmp_path)
    assert predictor.manifest.fusion == kind == manifest.fusion
    again = write_untrained(tmp_path / "again", seed=5, fusion=kind)
    assert again.weights_sha256 == manifest.weights_sha256


def test_amplitudes_that_sum_to_less_than_one_are_those_of_the_cosines() -> None:
    core = FourierCore(3, 2, generator=seeded())
    with torch.no_grad():
        core.amplitudes.fill_(0.2)
    angles = torch.randn(3, generator=seeded())
    terms = [float((f * angles).sum() + phase) for f, phase in zip(core.frequencies, core.phases, strict=True)]
    expected = 0.2 * torch.tensor(terms).view(core.amplitudes.shape).cos().sum(-1)
    torch.testing.assert_close(core(angles[None])[0].detach(), expected, rtol=0, atol=1e-5)
