"""What the encoders know of the training patients besides weights: codes, means, deviations, base rates."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.encoders.clinical import KNOWN, ClinicalEncoder
from model.encoders.gene_names import counted, kind_of, node_of, shares
from model.features import Batch
from model.heads import Heads
from model.labels import Labels

_ENOUGH = 5
"""Fewer values than this give a code no statistics."""


def learn_codes(encoder: ClinicalEncoder, batch: Batch) -> None:
    """Give the most frequent codes of the training tokens a row, and the mean and deviation of their values."""
    present = batch["present"]
    codes = batch["code"][present].numpy()
    values = batch["value"][present].double().numpy()
    valued = batch["numbers"][..., 0][present].numpy() > 0
    counts = Counter(codes.tolist())
    frequent = sorted(sorted(counts, key=lambda code: (-counts[code], code))[:KNOWN])
    encoder.known[: len(frequent)] = torch.tensor(frequent, dtype=torch.int64)
    for row, code in enumerate(frequent):
        mean, scale = _moments(values[(codes == code) & valued])
        encoder.mean[row], encoder.scale[row] = mean, scale


def learn_scale(encoder: nn.Module, rows: NDArray[np.float32], measured: NDArray[np.bool_] | None = None) -> None:
    """Set an encoder's `mean` and `scale` buffers (F,) from training rows (N, F), where measured."""
    counted = np.ones(rows.shape, np.bool_) if measured is None else measured
    moments = [_moments(rows[counted[:, column], column].astype(np.float64)) for column in range(rows.shape[1])]
    encoder.get_buffer("mean").copy_(torch.tensor([mean for mean, _ in moments]))
    encoder.get_buffer("scale").copy_(torch.tensor([scale for _, scale in moments]))


def choose_genes(
    sources: Sequence[Mapping[str, float]], most: int, linked: Collection[str] = frozenset()
) -> tuple[str, ...]:
    """At most `most` `kind:gene` names, sorted: each kind has its share, and in it those that most sources have first.

    Among equals the nodes that are `linked` by a pathway come first, then those that vary most. Without shares the
    kind in the largest numbers takes all (TCGA: 512 of expression, not one mutation).
    """
    seen: dict[str, list[float]] = {}
    for source in sources:
        for name, value in source.items():
            seen.setdefault(name, []).append(value)

    def order(name: str) -> tuple[int, bool, float, str]:
        return (-len(seen[name]), node_of(name) not in linked, -float(np.std(seen[name])), name)

    ranked = sorted((name for name in seen if len(seen[name]) >= _ENOUGH), key=order)
    room = shares(counted(ranked), most)
    return tuple(sorted(name for kind in room for name in [n for n in ranked if kind_of(n) == kind][: room[kind]]))


def base_hazards(labels: Labels) -> Tensor:
    """The logit of each bin's hazard among these patients: (P, J)."""
    events, at_risk = labels.hazard.sum(0), labels.at_risk.sum(0)
    rate = (events + 0.5) / (at_risk + 5.0)  # shrunk, so that an empty bin stays finite
    return torch.logit(rate.clamp(1e-4, 0.5))


@torch.no_grad()
def start_at_base_rates(heads: Heads, labels: Labels) -> None:
    """Set the baseline to each bin's hazard in training, and the weights so low that they say little at first."""
    heads.baseline.copy_(base_hazards(labels).expand_as(heads.baseline))
    heads.linear.weight.mul_(0.1)
    heads.linear.bias.zero_()


def _moments(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and 1 / deviation; a scale of 0 where there are too few values, or all are alike."""
    if len(values) < _ENOUGH:
        return 0.0, 0.0
    deviation = float(values.std())
    return float(values.mean()), 1 / deviation if deviation > 1e-9 else 0.0


def bootstrap_weights(patients: int, members: int, generator: torch.Generator) -> Tensor:
    """How often each member of the ensemble counts each patient: (N, E), Poisson(1) plus a little for all."""
    return torch.poisson(torch.ones(patients, members), generator=generator) * 0.9 + 0.1
