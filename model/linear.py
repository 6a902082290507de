"""The linear road beside the fusion: a penalised linear model a block, and a gain a block for what is present.

On small cohorts it carries nearly all there is, and the network must never lose it (DESIGN §7). No imputation: an
absent block adds nothing, and each pattern of what is present has gains and a baseline of its own.
"""

import torch
from torch import Tensor, nn

from model.heads import Logits
from model.survival import bounded, late_bins
from schemas.manifest import Tasks
from schemas.table import Table


class LinearRoad(nn.Module):
    """z-scores (B, C) -> L = C' + 2 P + O scores a block (B, K, L) -> logits. Fitted in closed form, not by descent.

    Scores: one a diagnosis label, a risk and a slope in time an endpoint, one a treatment option.
    """

    late: Tensor
    owner: Tensor
    group: Tensor
    weight: Tensor
    gain: Tensor
    offset: Tensor
    baseline: Tensor
    bound: Tensor
    fade: Tensor

    def __init__(self, table: Table, tasks: Tasks) -> None:
        super().__init__()
        labels, endpoints, options = len(tasks.diagnosis), len(tasks.endpoints), len(tasks.treatments)
        self.sizes = [labels, endpoints, endpoints, options]
        self.blocks, self.scores = len(table.blocks), sum(self.sizes)
        patterns = 2**self.blocks
        self.register_buffer("late", late_bins(tasks.edges_days), persistent=False)
        owners = torch.tensor([block for block, _ in table.columns]).long()
        self.register_buffer("owner", nn.functional.one_hot(owners, max(self.blocks, 1)).float(), persistent=False)
        self.register_buffer("group", groups_of(tasks), persistent=False)
        self.register_buffer("weight", torch.zeros(len(table.columns), self.scores))
        self.register_buffer(
            "gain", torch.zeros(patterns, self.blocks, int(self.group.max() + 1) if self.scores else 0)
        )
        """Of each pattern, block and group of scores: labels share one, an endpoint's risk and slope share one."""
        self.register_buffer("offset", torch.zeros(patterns, labels + options))
        self.register_buffer("baseline", torch.zeros(patterns, endpoints, len(tasks.edges_days)))
        self.register_buffer("bound", torch.ones(patterns, endpoints))
        """The most that all blocks' risks together add to a hazard's logit, or take from it."""
        self.register_buffer("fade", torch.zeros(patterns, endpoints))
        """How much more (less, below 0) the bounded risk is worth a unit of `late`: most risks are early ones."""

    def score(self, columns: Tensor) -> Tensor:
        """z-scores (B, C) -> scores of each block (B, K, L)."""
        return torch.einsum("bc,ck,cl->bkl", columns, self.owner[:, : self.blocks], self.weight)

    def forward(self, scores: Tensor, present: Tensor) -> Logits:
        """Scores (B, K, L), present (B, K) bool -> logits (B, C'), (B, P, J), (B, O)."""
        pattern = pattern_of(present)
        gains = self.gain[pattern][..., self.group]  # (B, K, L)
        total = (scores * gains * present.unsqueeze(-1)).sum(1)
        acts = acting(total, self.bound[pattern], self.fade[pattern], self.sizes)
        return logits_of(acts, self.offset[pattern], self.baseline[pattern], self.late, self.sizes)


def pattern_of(present: Tensor) -> Tensor:
    """present (B, K) bool -> (B,) place of the pattern: bit k is block k."""
    return (present.long() * (2 ** torch.arange(present.shape[1]))).sum(1)


def logits_of(total: Tensor, offset: Tensor, baseline: Tensor, late: Tensor, sizes: list[int]) -> Logits:
    """Summed scores (B, L), offset (B, C' + O), baseline (B, P, J) -> logits."""
    labels, risk, slope, options = torch.split(total, sizes, dim=-1)
    hazard = baseline + risk.unsqueeze(-1) + slope.unsqueeze(-1) * late
    return Logits(labels + offset[..., : sizes[0]], hazard, options + offset[..., sizes[0] :])


def acting(total: Tensor, bound: Tensor, fade: Tensor, sizes: list[int]) -> Tensor:
    """Summed scores (B, L) with the risks bounded and fading; bound and fade (..., P)."""
    labels, risk, slope, options = torch.split(total, sizes, dim=-1)
    held = bounded(risk, bound)
    return torch.cat((labels, held, slope + fade * held, options), -1)


def groups_of(tasks: Tasks) -> Tensor:
    """(L,): which gain each score is weighed by."""
    labels, endpoints, options = len(tasks.diagnosis), len(tasks.endpoints), len(tasks.treatments)
    first = int(labels > 0)
    hazards = [first + place for place in range(endpoints)]
    responses = [first + endpoints + place for place in range(options)]
    return torch.tensor([0] * labels + hazards + hazards + responses).long()
