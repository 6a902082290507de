"""A risk acts on the hazard within a bound, and may fade: in the roads as fitted, and in the fusion's heads."""

import numpy as np
import pytest
import torch

from model.heads import Heads
from model.labels import Labels
from model.linear import LinearRoad
from model.linear_gains import Scored, copy_gains, fit_gains
from model.survival import bin_targets, bounded, edges_until
from model.targets import hard_targets
from schemas.evidence import Modality
from schemas.manifest import Tasks
from schemas.table import Block, Column, Table

EDGES = edges_until(1826)
TASKS = Tasks(diagnosis=(), treatments=(), endpoints=("OS",), edges_days=EDGES)
TABLE = Table(
    blocks=(Block(name="one", modality=Modality.CLINICAL),), columns=((0, Column(form="value", codes=("l|1",))),)
)
PATIENTS, PRESENT = 3000, torch.tensor([[True]])


def fitted(worth: float, lasting: bool) -> LinearRoad:
    """A road whose one score multiplies the hazard by exp(worth · score); for the first year alone unless lasting."""
    rng = np.random.default_rng(0)
    score = rng.normal(size=PATIENTS)
    early = rng.exponential(900 * np.exp(-worth * score))
    late = 365 + rng.exponential(900, PATIENTS)
    days = np.where((early < 365) | lasting, early, late)
    hazard, at_risk = bin_targets(np.minimum(days, 1826)[:, None], (days <= 1826)[:, None], np.array(EDGES))
    nothing = (torch.full((PATIENTS,), -1), torch.full((PATIENTS,), -1), torch.zeros(PATIENTS))
    targets = hard_targets(Labels(*nothing, torch.from_numpy(hazard), torch.from_numpy(at_risk)), 0, 0)
    scores = torch.zeros((PATIENTS, 1, 2), dtype=torch.float64)
    scores[:, 0, 0] = torch.from_numpy(score)
    road, base = LinearRoad(TABLE, TASKS), torch.full((1, len(EDGES)), -2.0, dtype=torch.float64)
    fit_gains(road, Scored(scores, PRESENT.expand(PATIENTS, 1), targets.to(torch.float64), base), [4.0])
    return road


@pytest.mark.parametrize("worth", [0.7, 2.0])
def test_no_score_however_large_moves_a_hazard_beyond_the_bound(worth: float) -> None:
    road = fitted(worth, lasting=True)
    extremes = torch.tensor([[[-1e6, 0.0]], [[0.0, 0.0]], [[1e6, 0.0]]])
    low, middle, high = road(extremes, PRESENT.expand(3, 1)).hazard
    reach = road.bound[1] * (1 + road.fade[1] * road.late)
    torch.testing.assert_close(high - middle, reach.expand_as(high))
    torch.testing.assert_close(middle - low, reach.expand_as(high))


def test_a_gain_is_what_a_score_is_worth() -> None:
    assert fitted(2.0, lasting=True).gain[1].item() == pytest.approx(2.0, rel=0.15)


def test_a_stronger_risk_is_given_a_wider_bound() -> None:
    assert fitted(2.0, lasting=True).bound[1] > 1.2 * fitted(0.7, lasting=True).bound[1]


def test_a_risk_that_passes_is_found_to_fade_and_one_that_lasts_is_not() -> None:
    assert fitted(0.7, lasting=False).fade[1] < -0.3
    assert fitted(0.7, lasting=True).fade[1] > -0.15


def test_a_small_risk_acts_as_it_is_and_order_is_kept() -> None:
    risk = torch.linspace(-6, 6, 101)
    acts = bounded(risk, torch.tensor(1.5))
    assert (acts.diff() > 0).all()
    torch.testing.assert_close(bounded(torch.tensor(0.05), torch.tensor(1.5)), torch.tensor(0.05), atol=1e-4, rtol=0)


def test_copied_gains_say_the_same() -> None:
    road, other = fitted(0.7, lasting=True), LinearRoad(TABLE, TASKS)
    copy_gains(road, other)
    scores = torch.randn((5, 1, 2), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(other(scores, PRESENT.expand(5, 1)).hazard, road(scores, PRESENT.expand(5, 1)).hazard)


def test_heads_bound_their_risk_too() -> None:
    heads = Heads(4, 2, TASKS)
    heads.bound.fill_(1.5)
    hazards = heads.hazards(torch.full((1, 2, 1), 1e6), torch.zeros(1, 2, 1), torch.ones(1))
    torch.testing.assert_close(hazards - heads.baseline, torch.full_like(hazards, 1.5))


def test_a_heads_hazard_is_its_baseline_and_risk_and_a_slope_in_time_each_times_the_gain() -> None:
    heads = Heads(4, 3, TASKS.model_copy(update={"endpoints": ("OS", "RFS")})).requires_grad_(False)
    heads.baseline.copy_(torch.randn(heads.baseline.shape, generator=torch.Generator().manual_seed(0)))
    heads.gain.copy_(torch.tensor([2.0, 0.5]))
    heads.bound.copy_(torch.tensor([1.5, 0.7]))
    features = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    told = (features @ heads.linear.weight.T + heads.linear.bias).view(5, 3, 4).numpy()  # of each head: risks, slopes
    for place, (gain, bound) in enumerate([(2.0, 1.5), (0.5, 0.7)]):
        risk, slope = told[..., place], told[..., 2 + place]
        acts = bound * np.tanh(gain * risk / bound)[..., None] + gain * slope[..., None] * heads.late.numpy()
        wanted = heads.baseline[:, place].numpy() + acts
        np.testing.assert_allclose(heads(features).hazard[:, :, place].numpy(), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(torch.cat(heads.risks(features), -1).numpy(), told, rtol=1e-5, atol=1e-6)


def test_a_block_that_speaks_against_what_happened_says_nothing() -> None:
    assert fitted(-0.7, lasting=True).gain[1, 0, 0] < 0.05 < fitted(0.7, lasting=True).gain[1, 0, 0]
