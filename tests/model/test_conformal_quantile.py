"""Conformal quantiles hold whichever patients calibrated them: against simulation, and at the edge of what n allows."""

import numpy as np
import pytest

from model.calibration import conformal_quantile


@pytest.mark.parametrize("patients", [55, 200, 1000])
def test_coverage_falls_short_in_few_draws_of_the_calibrating_patients(patients: int) -> None:
    random = np.random.default_rng(0)
    reached = np.array([conformal_quantile(random.random(patients), alpha=0.1) for _ in range(4000)])
    short = float((reached < 0.9).mean())  # of uniform scores, the coverage of a quantile is the quantile
    assert short <= 0.1 + 3 * np.sqrt(0.09 / 4000)
    assert short > 0.02, "no wider than it must be"


@pytest.mark.parametrize(("patients", "expected"), [(21, 1.0), (22, 0.95)])
def test_too_few_patients_for_any_rank_have_every_label_in_the_set(patients: int, expected: float) -> None:
    scores = np.full(patients, 0.95)
    assert conformal_quantile(scores, alpha=0.1) == expected
