"""Teaching: distances that vanish where student and teacher agree, roles that rotate, a circuit trained alone."""

import pytest
import torch
from torch.nn import functional

from model.circuit_phase import train_circuit
from model.distillation import Lesson, Teaching, distance
from model.heads import Logits
from model.network import Network, network_of
from model.targets import Targets
from model.untrained import untrained_manifest


def logits(seed: int, rows: int = 6, members: int = 1) -> Logits:
    random = torch.Generator().manual_seed(seed)
    shapes = ((rows, members, 3), (rows, members, 2, 5), (rows, members, 2))
    return Logits(*(torch.randn(shape, generator=random) for shape in shapes))


REACHED = torch.ones(1, 2, 5)


@pytest.mark.parametrize("kind", ["kl", "mse", "dkd"])
def test_a_distance_is_nothing_where_both_agree_and_something_elsewhere(kind: str) -> None:
    lesson = Lesson(kind=kind)  # type: ignore[arg-type]
    torch.testing.assert_close(distance(logits(0), logits(0), REACHED, lesson), torch.zeros(6, 1), atol=1e-5, rtol=0)
    assert (distance(logits(1), logits(0), REACHED, lesson) > 0.01).all()


def test_the_kl_of_diagnosis_is_torchs_own_times_the_temperature_squared() -> None:
    student, teacher = logits(1), logits(0)
    lesson = Lesson(kind="kl", temperature=4.0)
    alone = [Logits(one.diagnosis, torch.zeros(6, 1, 0, 5), torch.zeros(6, 1, 0)) for one in (student, teacher)]
    found = distance(alone[0], alone[1], torch.ones(1, 0, 5), lesson)
    oracle = functional.kl_div(
        (student.diagnosis / 4).log_softmax(-1), (teacher.diagnosis / 4).softmax(-1), reduction="none"
    ).sum(-1)
    torch.testing.assert_close(found, 16 * oracle)


def test_the_first_choice_and_the_rest_of_dkd_add_up_to_kl_when_weighed_as_kl_weighs_them() -> None:
    """Zhao et al. 2022, eq. 7: KL = TCKD + (1 - p_first) NCKD; ours with beta 2 must lie where that says."""
    student, teacher = logits(1).diagnosis, logits(0).diagnosis
    lesson, none = Lesson(kind="dkd", temperature=1.0), torch.zeros(6, 1, 0)
    empty = torch.zeros(6, 1, 0, 5)
    dkd = distance(Logits(student, empty, none), Logits(teacher, empty, none), torch.ones(1, 0, 5), lesson)
    kl = distance(
        Logits(student, empty, none), Logits(teacher, empty, none), torch.ones(1, 0, 5), Lesson("kl", temperature=1.0)
    )
    first = teacher.softmax(-1).amax(-1)
    rest = (dkd - kl) / (2 - (1 - first))  # DKD - KL = (2 - (1 - p)) NCKD
    chosen = functional.one_hot(teacher.argmax(-1), 3).bool()
    known, said = (part[~chosen].view(6, 1, 2).log_softmax(-1) for part in (teacher, student))
    torch.testing.assert_close(rest, (known.exp() * (known - said)).sum(-1), atol=1e-5, rtol=1e-4)


def test_the_teachers_role_rotates() -> None:
    hard = Targets(torch.zeros(6, 3), torch.zeros(6, 2, 5), torch.zeros(6, 2, 5), torch.zeros(6, 2), torch.zeros(6, 2))
    one, other = (Logits(*(part[:, 0] for part in logits(seed))) for seed in (3, 4))
    teaching = Teaching(hard, [one, other], REACHED, Lesson(alpha=1.0))
    rows = torch.arange(6)
    as_first = Logits(*(part.unsqueeze(1) for part in one))
    turns = [float(teaching.loss(as_first, rows, turn).sum()) for turn in range(4)]
    assert turns[0] == pytest.approx(0, abs=1e-4)
    assert turns[1] > 0.1
    assert turns[2:] == turns[:2]


@pytest.fixture
def network() -> Network:
    network = network_of(untrained_manifest(), seed=0)
    torch.nn.init.ones_(network.fusion.gate)
    return network


def circuit_loss(network: Network) -> torch.Tensor:
    return network.fusion(torch.linspace(-1, 1, 128).expand(4, -1)).square().mean()


def test_only_the_circuit_moves_when_it_is_trained_alone(network: Network) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    losses = [loss for _, loss in train_circuit(network, lambda: circuit_loss(network), epochs=10, rate=0.05)]
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"fusion.circuit.scale", "fusion.circuit.weights"}
    assert losses[-1] < losses[0]


def test_a_parameter_that_moves_beside_the_circuit_is_a_bug_told(network: Network) -> None:
    def meddling() -> torch.Tensor:
        with torch.no_grad():
            network.fusion.gate.add_(0.1)
        return circuit_loss(network)

    with pytest.raises(RuntimeError, match="outside the circuit moved"):
        list(train_circuit(network, meddling, epochs=1, rate=0.05))


def test_a_network_without_a_circuit_has_no_third_phase() -> None:
    plain = network_of(untrained_manifest(fusion="none"), seed=0)
    assert list(train_circuit(plain, lambda: torch.zeros(()), epochs=3, rate=0.1)) == []
