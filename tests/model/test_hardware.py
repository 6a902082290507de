"""Where a training runs: all that belongs on the device is on it, and all of it is on the CPU again at the end."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from elsewhere import DEVICE, Border, elsewhere, places_of
from small_phases import PARTS
from tiny_run import TINY, close, files_under

from model.batch_order import held_out
from model.checkpoints import Checkpoints
from model.cohort_data import read_data
from model.cohorts.synthetic import write_synthetic
from model.descent import silent
from model.examples import Roles
from model.fitting import Prepared, finish, prepare
from model.hardware import ALONE, Hardware, placed
from model.network import Network
from schemas.evidence import Modality

pytestmark = pytest.mark.slow


def test_a_tensor_that_was_left_on_the_cpu_is_noticed() -> None:
    with Border():
        there = torch.ones(3).to(DEVICE)
        assert (there * 2 + torch.tensor(1.0)).cpu().tolist() == [3, 3, 3]
        with pytest.raises(RuntimeError, match="left on the CPU"):
            there + torch.ones(3)


def test_modules_come_back_from_a_phase_that_fails() -> None:
    module = torch.nn.Linear(2, 2)

    def fail() -> None:
        with placed((module,), DEVICE):
            raise LookupError(places_of(module))

    with Border(), pytest.raises(LookupError, match=DEVICE.type):
        fail()
    assert places_of(module) == ["cpu"]


@pytest.mark.parametrize("part", PARTS)
def test_a_phase_runs_on_a_device_and_gives_what_it_gives_on_the_cpu(part: str) -> None:
    close(elsewhere(PARTS[part]), PARTS[part](ALONE))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("cohort")
    write_synthetic(folder, patients=40, seed=3, flawed=False)
    data = read_data(folder, files_under(folder), TINY.reading)
    held = held_out(data.patients, TINY.held_share, TINY.seed)
    return prepare(data, Roles(~held, held), TINY, silent, Checkpoints())


@pytest.mark.parametrize("nobody_has", [(), (Modality.IMAGING,)])
def test_student_and_circuit_run_on_a_device_and_end_on_the_cpu(
    prepared: Prepared, nobody_has: tuple[Modality, ...]
) -> None:
    examples = prepared.seen.examples
    there = torch.tensor([modality not in nobody_has for modality in Modality])
    seen = replace(prepared.seen, examples=examples.with_features(examples.features, examples.present & there))

    def finished(hardware: Hardware) -> Network:
        return finish(deepcopy(replace(prepared, seen=seen)), TINY, silent, Checkpoints(), hardware).network

    network = elsewhere(finished)
    assert places_of(network) == ["cpu"]
    close(network.state_dict(), finished(ALONE).state_dict())
