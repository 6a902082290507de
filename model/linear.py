"""The linear road beside the fusion: a penalised linear model of the plain inputs of whatever is present.

On small cohorts it carries nearly all there is (the synthetic cohort of 500: C of OS 0.62 against the fusion's
0.52 alone), and the network must never lose it. No imputation: what is absent adds nothing.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from model.encoders.clinical import KNOWN, OTHER, ClinicalEncoder
from model.encoders.clinical_tokens import ANSWERS
from model.encoders.variant_tokens import GENES
from model.features import Batch
from model.heads import Logits
from model.survival import late_bins
from schemas.evidence import Modality
from schemas.manifest import Tasks

_VECTOR_SCALE = 0.1
"""Vectors were trained on the same patients' outcomes: scaled down, the penalty weighs on them the more."""


class LinearRoad(nn.Module):
    """Per modality L = C + 2 P + O scores of each patient, which add up to logits. All weights start at zero."""

    late: Tensor

    def __init__(self, width: int, kinds: int, tasks: Tasks) -> None:
        super().__init__()
        endpoints = len(tasks.endpoints)
        self.sizes = [len(tasks.diagnosis), endpoints, endpoints, len(tasks.treatments)]
        self.scores = sum(self.sizes)
        self.there = nn.Parameter(torch.zeros(KNOWN + OTHER, self.scores))
        self.unit = nn.Parameter(torch.zeros(KNOWN + OTHER, self.scores))
        self.answer = nn.Parameter(torch.zeros(ANSWERS, self.scores))
        self.gene = nn.Parameter(torch.zeros(GENES, self.scores))
        self.vector = nn.Parameter(torch.zeros(kinds, width, self.scores))
        self.modality = nn.Parameter(torch.zeros(len(Modality), self.scores))
        self.bias = nn.Parameter(torch.zeros(self.scores))
        self.baseline = nn.Parameter(torch.zeros(endpoints, len(tasks.edges_days)))
        self.register_buffer("late", late_bins(tasks.edges_days), persistent=False)

    def score(self, modality: Modality, batch: Batch, clinical: ClinicalEncoder) -> Tensor:
        """One modality's features -> (B, L). `clinical` knows the codes and their deviations."""
        if modality is Modality.CLINICAL:
            return self._codes(batch, clinical)
        scores = self._vectors(batch)
        if modality is Modality.GENOMIC:
            scores = scores + (self.gene[batch["gene"]] * batch["shown"].unsqueeze(-1)).sum(1)
        return scores

    def forward(self, scores: Tensor, present: Tensor) -> Logits:
        """Scores (B, M, L), present (B, M) -> logits (B, C), (B, P, J), (B, O)."""
        total = ((scores + self.modality) * present.unsqueeze(-1)).sum(1) + self.bias
        diagnosis, risk, slope, response = torch.split(total, self.sizes, dim=-1)
        hazard = self.baseline + risk.unsqueeze(-1) + slope.unsqueeze(-1) * self.late
        return Logits(diagnosis, hazard, response)

    def penalties(self) -> Mapping[str, Tensor]:
        """The weights that a ridge pulls to zero, by name."""
        free = ("bias", "baseline")
        return {name: weight for name, weight in self.named_parameters() if name not in free}

    def _codes(self, batch: Batch, clinical: ClinicalEncoder) -> Tensor:
        """The mean over each code's tokens, summed over the codes."""
        rows, present = clinical.rows(batch["code"]), batch["present"]
        value = clinical.standardise(batch["value"], rows) * batch["numbers"][..., 0]
        same = (rows.unsqueeze(2) == rows.unsqueeze(1)) & present.unsqueeze(1)
        share = present / same.sum(2).clamp_min(1)  # (B, T)
        said = self.there[rows] + value.unsqueeze(-1) * self.unit[rows] + self.answer[batch["answer"]]
        return (said * share.unsqueeze(-1)).sum(1)

    def _vectors(self, batch: Batch) -> Tensor:
        """The mean of each encoder's vectors, summed over the encoders."""
        kind, there = batch["kind"], batch["arrived"]
        same = (kind.unsqueeze(2) == kind.unsqueeze(1)) & there.unsqueeze(1)
        share = there / same.sum(2).clamp_min(1)  # (B, VECTORS)
        weights = nn.functional.one_hot(kind, len(self.vector)) * share.unsqueeze(-1)  # (B, VECTORS, kinds)
        means = torch.einsum("bvk,bvd->bkd", weights, batch["vectors"]) * _VECTOR_SCALE
        return torch.einsum("bkd,kdl->bl", means, self.vector)
