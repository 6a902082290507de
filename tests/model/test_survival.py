"""Discrete-time survival against closed forms and tables worked by hand."""

import numpy as np
import pytest
import torch

from model.survival import bin_targets, curves, edges_until, hazard_loss, late_bins, medians, survival_at, torch_curves

EDGES = np.array([100.0, 200.0, 400.0])


@pytest.mark.parametrize(
    ("days", "event", "labels", "mask"),
    [
        pytest.param(150, True, [0, 1, 0], [1, 1, 0], id="an-event-ends-it"),
        pytest.param(110, True, [0, 1, 0], [1, 1, 0], id="an-early-event-counts-whole"),
        pytest.param(200, True, [0, 1, 0], [1, 1, 0], id="an-edge-belongs-to-the-left"),
        pytest.param(0, True, [1, 0, 0], [1, 0, 0], id="an-event-at-once"),
        pytest.param(160, False, [0, 0, 0], [1, 1, 0], id="censored-past-the-middle"),
        pytest.param(150, False, [0, 0, 0], [1, 0, 0], id="censored-at-the-middle"),
        pytest.param(140, False, [0, 0, 0], [1, 0, 0], id="censored-before-the-middle"),
        pytest.param(900, True, [0, 0, 0], [1, 1, 1], id="an-event-beyond-the-horizon"),
        pytest.param(float("nan"), False, [0, 0, 0], [0, 0, 0], id="unknown"),
    ],
)
def test_bins_of_a_patient(days: float, event: bool, labels: list[int], mask: list[int]) -> None:
    found = bin_targets(np.array([days]), np.array([event]), EDGES)
    assert [part[0].tolist() for part in found] == [labels, mask]


def test_the_likelihood_is_that_of_the_curve() -> None:
    hazards = np.array([0.1, 0.3, 0.5])
    labels, mask = bin_targets(np.array([150.0, 900.0]), np.array([True, False]), EDGES)
    logits = torch.logit(torch.tensor(hazards)).expand(2, 1, 3)
    loss = hazard_loss(logits, torch.tensor(labels)[:, None].double(), torch.tensor(mask)[:, None].double())
    survived = curves(hazards)
    assert loss.tolist() == pytest.approx([-np.log(survived[0] * 0.3), -np.log(survived[2])])


def test_a_constant_hazard_has_the_median_of_its_curve() -> None:
    survived = np.array([[0.8, 0.4, 0.2], [0.9, 0.8, 0.7]])
    assert medians(survived, EDGES).tolist() == [175.0, np.inf]
    assert survival_at(survived, EDGES, 50.0).tolist() == pytest.approx([0.9, 0.95])
    assert survival_at(survived, EDGES, 400.0).tolist() == pytest.approx([0.2, 0.7])


@pytest.mark.parametrize("days", [1.0, 99.0, 100.0, 101.0, 200.0, 250.0, 399.0, 400.0])
def test_between_two_edges_a_curve_is_a_line(days: float) -> None:
    survived = curves(np.array([[[0.1, 0.4, 0.6], [0.3, 0.2, 0.1]], [[0.0, 0.5, 0.0], [0.2, 0.0, 0.9]]]))
    assert survived[1, 1].tolist() == pytest.approx([0.8, 0.8, 0.08])
    expected = [np.interp(days, [0, *EDGES], [1, *curve]) for curve in survived.reshape(4, 3)]
    assert survival_at(survived, EDGES, days).ravel().tolist() == pytest.approx(expected)
    hazards = torch.tensor([[[0.1, 0.4, 0.6], [0.3, 0.2, 0.1]], [[0.0, 0.5, 0.0], [0.2, 0.0, 0.9]]])
    torch.testing.assert_close(torch_curves(torch.logit(hazards)), torch.from_numpy(survived).float())


def test_a_median_is_where_the_line_meets_one_half() -> None:
    survived = np.array([[[0.25, 0.2, 0.1], [0.9, 0.5, 0.4]], [[0.8, 0.7, 0.48], [0.8, 0.7, 0.51]]])
    lines = [np.interp(-0.5, [-1, *-curve], [0, *EDGES]) for curve in survived.reshape(4, 3)[:3]]
    assert medians(survived, EDGES).ravel().tolist() == pytest.approx([*lines, np.inf])
    assert lines[1] == 200.0


def test_how_late_a_bin_lies_is_0_where_its_middle_and_half_a_year_make_two() -> None:
    late = late_bins([365.25, 2 * 365.25, 7.5 * 365.25])  # middles of 0.5, 1.5 and 4.75 years
    assert late.tolist() == pytest.approx(np.log([0.5, 1.0, 5.25 / 2]).tolist(), abs=1e-6)


@pytest.mark.parametrize("horizon", [365.0, 1825.0, 3650.0])
def test_edges_rise_to_the_horizon(horizon: float) -> None:
    edges = edges_until(horizon)
    assert edges[-1] == horizon
    assert list(edges) == sorted(set(edges))


def test_bins_are_quarters_of_a_year_at_first_and_the_last_is_no_sliver() -> None:
    years = np.array(edges_until(5.1 * 365.25)) / 365.25
    assert years.tolist() == pytest.approx([*np.arange(0.25, 2.1, 0.25), *np.arange(2.5, 4.6, 0.5), 5.1])
