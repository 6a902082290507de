"""Both linear roads fitted: the plain one, and the one taught by the plain one's out-of-fold opinion.

As found on HANCOCK (docs/evidence/hancock.md): heavy ridges, scales that are refitted by a gain a block, and a
teacher whose opinion of each patient was formed without that patient.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold
from torch import Tensor

from model.heads import Logits
from model.linear import LinearRoad
from model.linear_fit import Block, Ridge, Weights, effective, fit_block, score_of
from model.linear_gains import Scored, copy_gains, fit_gains
from model.targets import Targets, taught
from schemas.table import Table

INNER_FOLDS = 5


@dataclass(frozen=True)
class RoadSetting:
    """How the roads are fitted."""

    ridge: Ridge = field(default_factory=Ridge)
    alpha: float = 0.9
    """Weight of the teacher for the taught road."""


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


def fit_roads(
    plain: LinearRoad, learner: LinearRoad, training: Training, setting: RoadSetting
) -> tuple[Opinion, Opinion]:
    """Fit both roads; returns their out-of-fold opinions, the first of which is the teacher."""
    teacher, fulls = fit_plain(plain, training, setting.ridge)
    soft = taught(training.targets, Logits(*(part.double() for part in teacher.logits)), setting.alpha)
    scores, _ = _fit_blocks(learner, training, soft, setting.ridge, fulls)
    copy_gains(plain, learner)  # the learner's inner scores have seen their own rows through the teacher
    return teacher, _opinion(learner, scores, training.present)


def fit_plain(road: LinearRoad, training: Training, ridge: Ridge) -> tuple[Opinion, list[Weights | None]]:
    """Fit one road on what became of the patients; returns its out-of-fold opinion and each block's weights."""
    scores, fulls = _fit_blocks(road, training, training.targets, ridge)
    ridges = [block.ridge for block in training.table.blocks]
    fit_gains(road, Scored(scores, training.present, training.targets, training.base), ridges)
    return _opinion(road, scores, training.present), fulls


def inner_folds(strata: Sequence[str], seed: int) -> Tensor:
    """(N,) fold of each patient, stratified."""
    counts = {kind: strata.count(kind) for kind in set(strata)}
    kinds = [kind if counts[kind] >= INNER_FOLDS else "rare" for kind in strata]
    found = np.zeros(len(strata), np.int64)
    cutter = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(cutter.split(np.zeros(len(strata)), kinds)):
        found[rows] = fold
    return torch.from_numpy(found)


def _fit_blocks(
    road: LinearRoad, training: Training, targets: Targets, ridge: Ridge, start: Sequence[Weights | None] = ()
) -> tuple[Tensor, list[Weights | None]]:
    """Set the road's weights; returns out-of-fold scores (N, K, L) in their standard deviations, and the full fits."""
    late = road.late.double()
    scores = torch.zeros((len(training.columns), road.blocks, road.scores), dtype=torch.float64)
    fulls: list[Weights | None] = []
    for block in range(road.blocks):
        places, there = training.places(block), training.present[:, block]
        if not places or int(there.sum()) < 2 * INNER_FOLDS:
            fulls.append(None)
            continue
        rows = torch.nonzero(there).squeeze(1)
        first = start[block] if start else None
        full = fit_block(training.of_block(block, rows, targets, late), ridge, first)
        for fold in range(INNER_FOLDS):
            kept = rows[training.folds[rows] != fold]
            out = rows[training.folds[rows] == fold]
            inner = fit_block(training.of_block(block, kept, targets, late), ridge, full)
            scores[out, block] = score_of(training.columns[out][:, places], inner)
        scale = _deviations(scores[rows, block], road)
        scores[:, block] /= scale
        road.weight[places] = (effective(full) / scale).float()
        fulls.append(full)
    return scores, fulls


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
