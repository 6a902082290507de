"""Names of baselines: the ones there are, and what is said of others."""

import numpy as np
import pytest

from model.baselines.catalogue import contender
from model.evaluation.fold import Fold, Rows
from schemas.errors import Refused

ROWS = Rows(np.zeros((4, 2)), np.ones((4, 2), np.bool_))
FOLD = Fold(
    ROWS,
    ROWS,
    {"blood": slice(0, 1), "imaging": slice(1, 2)},
    ("OS",),
    np.ones((4, 1)),
    np.ones((4, 1), np.bool_),
    (),
    np.full(4, -1, np.int64),
    np.array([1.0]),
    seed=0,
)


@pytest.mark.parametrize("name", ["cox", "coxnet", "rsf", "stacked-cox", "late-fusion", "concat-mlp", "single:blood"])
def test_every_name_of_the_command_has_a_baseline(name: str) -> None:
    assert contender(name)(FOLD).survival.shape == (4, 1, 1)


@pytest.mark.parametrize("name", ["", "Cox", "single:", "single", "ours"])
def test_an_unknown_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(Refused, match="cox, coxnet, rsf, stacked-cox, late-fusion, concat-mlp, single:<block>"):
        contender(name)


def test_a_block_that_the_cohort_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(Refused, match="takes one of blood, imaging"):
        contender("single:genes")(FOLD)
