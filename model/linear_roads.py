"""Both linear roads fitted: the plain one, and the one taught by the plain one's out-of-fold opinion.

As found on HANCOCK (docs/evidence/hancock.md): heavy ridges, scales that are refitted by a gain a block, and a
teacher whose opinion of each patient was formed without that patient.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold
from torch import Tensor

from model.heads import Logits
from model.linear import LinearRoad
from model.linear_fit import STEPS, Block, Ridge, Weights, effective, fit_block, score_of
from model.linear_gains import Scored, copy_gains, fit_gains
from model.rare_kinds import rare_kinds_allowed
from model.targets import Targets, taught
from schemas.bounds import Count, Share
from schemas.table import Table

INNER_FOLDS = 5
_NEAR = 40
"""Steps from weights of all patients to those without some: no more is asked of what serves calibration alone."""


@dataclass(frozen=True)
class RoadSetting:
    """How the roads are fitted."""

    ridge: Ridge = field(default_factory=Ridge)
    alpha: Share = 0.9
    """Weight of the teacher for the taught road."""
    steps: Count = STEPS
    """Of the solver, at most, in each fit of a block or of gains."""


@dataclass(frozen=True)
class Training:
    """N training patients, float64 where not bool."""

    table: Table
    columns: Tensor
    """(N, C) z-scores."""
    present: Tensor
    """(N, K) bool."""
    targets: Targets
    base: Tensor
    """(P, J) logits of the training hazards."""
    folds: Tensor
    """(N,) inner fold of each patient."""

    def of_block(self, place: int, rows: Tensor, targets: Targets, late: Tensor) -> Block:
        """One block's problem on some of its patients."""
        return Block(self.columns[rows][:, self.places(place)], targets.rows(rows), late, self.base)

    def places(self, block: int) -> list[int]:
        """The block's columns."""
        return [place for place, (owner, _) in enumerate(self.table.columns) if owner == block]


@dataclass(frozen=True)
class Opinion:
    """What a road says of its own training patients, each by weights that never saw the patient."""

    scores: Tensor
    """(N, K, L) float32."""
    logits: Logits
    """Of all that each patient has."""


class Fits(NamedTuple):
    """A road's blocks as they were fitted."""

    scores: Tensor
    """(N, K, L) float64, out of fold, in their standard deviations."""
    fulls: list[Weights | None]
    """Of each block, fitted on all of its patients; None where they are too few."""
    scales: list[Tensor]
    """Of each block, the standard deviations (L,)."""


def fit_roads(
    plain: LinearRoad, learner: LinearRoad, training: Training, setting: RoadSetting
) -> tuple[Opinion, Opinion]:
    """Fit both roads; returns their out-of-fold opinions, the first of which is the teacher."""
    teacher, of_plain = fit_plain(plain, training, setting)
    soft = _soft(training, teacher, setting)
    of_learner = _fit_blocks(learner, training, soft, setting, of_plain.fulls)
    copy_gains(plain, learner)  # the learner's inner scores have seen their own rows through the teacher
    scores = of_learner.scores
    if training.targets.classes.shape[1]:  # what is calibrated by an opinion is the diagnosis alone
        scores = _unseen(plain, training, setting, of_plain, of_learner)
    return teacher, _opinion(learner, scores, training.present)


def fit_plain(road: LinearRoad, training: Training, setting: RoadSetting) -> tuple[Opinion, Fits]:
    """Fit one road on what became of the patients; returns its out-of-fold opinion and how its blocks were fitted."""
    fits = _fit_blocks(road, training, training.targets, setting)
    ridges = [block.ridge for block in training.table.blocks]
    fit_gains(road, Scored(fits.scores, training.present, training.targets, training.base), ridges, setting.steps)
    return _opinion(road, fits.scores, training.present), fits


def inner_folds(strata: Sequence[str], seed: int) -> Tensor:
    """(N,) fold of each patient, stratified; the kinds that are too rare for that are one kind."""
    counts = {kind: strata.count(kind) for kind in set(strata)}
    kinds = [kind if counts[kind] >= INNER_FOLDS else "rare" for kind in strata]
    found = np.zeros(len(strata), np.int64)
    cutter = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed)
    with rare_kinds_allowed():
        for fold, (_, rows) in enumerate(cutter.split(np.zeros(len(strata)), kinds)):
            found[rows] = fold
    return torch.from_numpy(found)


def _fit_blocks(
    road: LinearRoad, training: Training, targets: Targets, setting: RoadSetting, start: Sequence[Weights | None] = ()
) -> Fits:
    """Set the road's weights."""
    late = road.late.double()
    scores = torch.zeros((len(training.columns), road.blocks, road.scores), dtype=torch.float64)
    fulls: list[Weights | None] = []
    scales = [torch.ones(road.scores, dtype=torch.float64)] * road.blocks
    for block in range(road.blocks):
        places, there = training.places(block), training.present[:, block]
        if not places or int(there.sum()) < 2 * INNER_FOLDS:
            fulls.append(None)
            continue
        rows = torch.nonzero(there).squeeze(1)
        first = start[block] if start else None
        full = fit_block(training.of_block(block, rows, targets, late), setting.ridge, first, setting.steps)
        for fold in range(INNER_FOLDS):
            kept = rows[training.folds[rows] != fold]
            out = rows[training.folds[rows] == fold]
            inner = fit_block(training.of_block(block, kept, targets, late), setting.ridge, full, setting.steps)
            scores[out, block] = score_of(training.columns[out][:, places], inner)
        scales[block] = scale = _deviations(scores[rows, block], road)
        scores[:, block] /= scale
        road.weight[places] = (effective(full) / scale).float()
        fulls.append(full)
    return Fits(scores, fulls, scales)


def _soft(training: Training, teacher: Opinion, setting: RoadSetting) -> Targets:
    return taught(training.targets, Logits(*(part.double() for part in teacher.logits)), setting.alpha)


def _unseen(plain: LinearRoad, training: Training, setting: RoadSetting, of_plain: Fits, of_learner: Fits) -> Tensor:
    """The learner's scores (N, K, L) of each patient, by weights whose teacher has not seen the patient either.

    What was fitted to a teacher's opinion of others knows this patient at second hand: with 150 patients and 40 columns
    sets made of that to cover .90 covered .63. So of each fold the teacher is taught anew without it: of any two folds,
    neither is seen. The gains, a few numbers of all patients, stay.
    """
    late, found = plain.late.double(), torch.zeros_like(of_learner.scores)
    told = torch.zeros((INNER_FOLDS, *found.shape), dtype=torch.float64)  # a teacher a fold that it has not seen
    for pair in combinations(range(INNER_FOLDS), 2):
        both = _left_out(training, training.targets, setting, of_plain, late, pair)
        for unseen, other in (pair, pair[::-1]):
            told[unseen] += both * (training.folds == other)[:, None, None]
    for fold in range(INNER_FOLDS):
        soft = _soft(training, _opinion(plain, told[fold], training.present), setting)
        found += _left_out(training, soft, setting, of_learner, late, (fold,))
    return found


def _left_out(
    training: Training, targets: Targets, setting: RoadSetting, fits: Fits, late: Tensor, folds: Sequence[int]
) -> Tensor:
    """Scores (N, K, L) of the patients of these folds, by the blocks fitted without them; 0 of all others."""
    steps = min(setting.steps, _NEAR)
    found, hidden = torch.zeros_like(fits.scores), torch.isin(training.folds, torch.tensor(folds))
    for block, full in enumerate(fits.fulls):
        if full is not None:
            there, places = training.present[:, block], training.places(block)
            kept, out = (torch.nonzero(part).squeeze(1) for part in (there & ~hidden, there & hidden))
            inner = fit_block(training.of_block(block, kept, targets, late), setting.ridge, full, steps)
            found[out, block] = score_of(training.columns[out][:, places], inner) / fits.scales[block]
    return found


def _deviations(scores: Tensor, road: LinearRoad) -> Tensor:
    """Scores (n, L) of one block -> (L,): of labels together, of an endpoint its risk's (its slope keeps step)."""
    labels, endpoints, _, _ = road.sizes
    deviation = scores.std(0)
    if labels:
        deviation[:labels] = scores[:, :labels].std()
    deviation[labels + endpoints : labels + 2 * endpoints] = deviation[labels : labels + endpoints]
    return deviation.clamp_min(1e-6)


def _opinion(road: LinearRoad, scores: Tensor, present: Tensor) -> Opinion:
    single = scores.float()
    return Opinion(single, road(single, present))
