"""From any present modalities to any missing one: a mean and a variance, never silently a zero vector."""

import torch
from torch import Tensor, nn

from schemas.evidence import Modality

_LOG_VARIANCE = 6.0
"""Bound on |log variance|, so that one projector can neither silence nor drown the others."""


class Projector(nn.Module):
    """Guess one modality's embedding from another's: (B, D) -> mean (B, D), log variance (B, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mean = nn.Linear(width, width)
        self.spread = nn.Linear(width, width)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """embedding (B, D) -> mean (B, D), log variance (B, D)."""
        return self.mean(embedding), _LOG_VARIANCE * torch.tanh(self.spread(embedding) / _LOG_VARIANCE)


class Imputer(nn.Module):
    """One projector an ordered pair of modalities, combined by precision with a prior of each target.

    A product of Gaussian experts (Wu & Goodman 2018): the experts' errors are not independent, so the
    combination, not each expert, is trained by likelihood.
    """

    def __init__(self, width: int, modalities: int = len(Modality)) -> None:
        super().__init__()
        self.modalities = modalities
        pairs = [(s, t) for t in range(modalities) for s in range(modalities) if s != t]
        self.projectors = nn.ModuleDict({f"{s}_{t}": Projector(width) for s, t in pairs})
        self.prior_mean = nn.Parameter(torch.zeros(modalities, width))
        self.prior_log_variance = nn.Parameter(torch.zeros(modalities, width))

    def forward(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """embeddings (B, M, D), present (B, M) bool -> mean (B, M, D), variance (B, M, D) of every modality.

        A modality's guess never looks at its own embedding, nor at one that is not present.
        """
        embeddings = embeddings.masked_fill(~present.unsqueeze(-1), 0.0)
        guesses = [self._guess(embeddings, present, target) for target in range(self.modalities)]
        return torch.stack([mean for mean, _ in guesses], 1), torch.stack([spread for _, spread in guesses], 1)

    def _guess(self, embeddings: Tensor, present: Tensor, target: int) -> tuple[Tensor, Tensor]:
        precision = torch.exp(-self.prior_log_variance[target]).expand(embeddings.shape[0], -1)
        weighted = precision * self.prior_mean[target]
        for source in range(self.modalities):
            if source == target:
                continue
            mean, log_variance = self.projectors[f"{source}_{target}"](embeddings[:, source])
            counts = torch.exp(-log_variance) * present[:, source, None]
            precision, weighted = precision + counts, weighted + counts * mean
        return weighted / precision, 1.0 / precision


def imputation_loss(mean: Tensor, variance: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Gaussian negative log likelihood a dimension, over the (B, M) slots whose truth is known."""
    nll = 0.5 * ((target - mean).square() / variance + variance.log()).mean(-1)  # (B, M)
    return (nll * known).sum() / known.sum().clamp_min(1)
