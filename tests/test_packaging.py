from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

import agents
import deploy
import model
import schemas
import streams

ROOT = Path(__file__).parents[1]
OURS = (schemas, model, streams, agents, deploy)
OWNERS = packages_distributions()


@pytest.mark.parametrize("package", [package.__name__ for package in OURS])
def test_no_other_installed_distribution_owns_a_name_of_ours(package: str) -> None:
    assert set(OWNERS.get(package, [])) <= {"oncostream"}


@pytest.mark.parametrize("package", OURS, ids=lambda package: package.__name__)
def test_what_is_imported_is_this_repository(package: object) -> None:
    assert Path(str(package.__file__)).resolve().is_relative_to(ROOT)


def test_the_distribution_is_installed() -> None:
    assert version("oncostream")
