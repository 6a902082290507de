"""Three processes train what one trains, hold equal weights, and fail together."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_phases import PARTS
from tiny_run import close

from model.accelerated import accelerated, share
from model.hardware import ALONE

pytestmark = pytest.mark.slow
PLACES = 3


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    launched = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(PLACES)]
    worker = Path(__file__).with_name("one_of_many.py")  # its folder is where it imports from
    subprocess.run([sys.executable, *launched, str(worker), str(folder)], check=True, timeout=120)
    return folder


@pytest.mark.parametrize("part", PARTS)
def test_all_end_with_the_same_weights_which_are_those_of_one_process(out: Path, part: str) -> None:
    first, *others = (load_file(out / f"{part}-{place}.safetensors") for place in range(PLACES))
    assert all(torch.equal(other[name], first[name]) for other in others for name in first)
    close(first, PARTS[part](ALONE))


def test_each_computes_its_share_and_no_more(out: Path) -> None:
    assert [(out / f"rows-{place}").read_text() for place in range(PLACES)] == ["[0, 1]", "[2, 3]", "[4, 5, 6]"]


def test_what_one_process_is_refused_all_are_and_what_the_first_says_all_hear(out: Path) -> None:
    told = {(out / f"refused-{place}").read_text() for place in range(PLACES)}
    assert told == {"the second process has no such file; copy it"}
    assert {(out / f"first-{place}").read_text() for place in range(PLACES)} == {"0"}


def test_none_leaves_a_thread_of_the_group_behind_that_could_abort_it_at_its_end(out: Path) -> None:
    assert [(out / f"left-{place}").read_text() for place in range(PLACES)] == ["0"] * PLACES


def test_a_process_that_is_alone_gives_the_bytes_of_one_without_accelerate() -> None:
    with accelerated() as hardware:
        found = PARTS["imputer"](hardware)
    assert all(torch.equal(tensor, found[name]) for name, tensor in PARTS["imputer"](ALONE).items())


@pytest.mark.parametrize("places", [1, 2, 3, 8])
@pytest.mark.parametrize("rows", [0, 1, 2, 7, 16])
def test_shares_are_all_of_the_rows_in_order_and_as_equal_as_can_be(rows: int, places: int) -> None:
    shares = [range(rows)[share(rows, place, places)] for place in range(places)]
    assert [row for each in shares for row in each] == list(range(rows))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
