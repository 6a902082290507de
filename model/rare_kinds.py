"""Folds stratified by kinds of which some are rarer than the folds are many: some folds go without one."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def rare_kinds_allowed() -> Iterator[None]:
    """Have scikit-learn spread what is too few for every fold without a warning; whoever cuts says it, or nobody need.

    Kinds none of which has as many patients as there are folds are refused all the same (ValueError).
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class in y has only", UserWarning)
        yield
