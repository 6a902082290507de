"""From any present modalities to any missing one: a mean and a variance, never silently a zero vector."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.imputer_anchor import Anchor, others_of
from schemas.evidence import Modality

_SPREAD = 6.0
"""Bound on |log| of a projector's variance against its anchor's, so that none can silence or drown the others."""
_SHY = 2.0
"""Where that log starts: what projectors say counts for little until training shows that it helps."""
_HIDDEN = 64


class Projectors(nn.Module):
    """One for each ordered pair of modalities: what the source says of the target beyond a linear guess.

    The first axis is the target, the second its M - 1 sources. Corrections start at zero. Their variance is one
    a dimension, not a row: as a function of the source it was overfitted within a few epochs on 800 rows.
    """

    def __init__(self, width: int, modalities: int) -> None:
        super().__init__()
        shape = (modalities, modalities - 1)
        self.inner = nn.Parameter(torch.randn(*shape, width, _HIDDEN) / math.sqrt(width))
        self.inner_bias = nn.Parameter(torch.randn(*shape, _HIDDEN))
        self.outer = nn.Parameter(torch.zeros(*shape, _HIDDEN, width))
        self.outer_bias = nn.Parameter(torch.zeros(*shape, width))
        self.spread = nn.Parameter(torch.zeros(*shape, width))

    @torch.no_grad()
    def start(self, generator: torch.Generator) -> None:
        """Draw the inner weights anew, from this generator."""
        self.inner.normal_(0.0, 1 / math.sqrt(self.inner.shape[2]), generator=generator)
        self.inner_bias.normal_(generator=generator)

    def forward(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        """sources (M, B, M - 1, D) -> correction of the mean (M, B, M - 1, D), factor of the variance (M, M - 1, D)."""
        hidden = functional.gelu(torch.einsum("tbsd,tsdh->tbsh", sources, self.inner) + self.inner_bias.unsqueeze(1))
        correction = torch.einsum("tbsh,tshd->tbsd", hidden, self.outer) + self.outer_bias.unsqueeze(1)
        return correction, torch.exp(_SPREAD * torch.tanh((_SHY + self.spread) / _SPREAD))


class Imputer(nn.Module):
    """Projectors combined by precision with the conditional Gaussian of all that is shown, which they correct.

    A product of Gaussian experts (Wu & Goodman 2018) whose prior is not a constant but the closed-form
    conditional Gaussian (`Anchor`). The experts' errors are not independent, so the combination, not each
    expert, is trained by likelihood, and `stretch` makes its intervals cover what they claim.
    """

    stretch: Tensor
    """(2^M, M): factor of the variance, by what is shown (bit s: modality s; never the target's own) and target."""
    places: Tensor

    def __init__(self, width: int, modalities: int = len(Modality)) -> None:
        super().__init__()
        self.anchor = Anchor(width, modalities)
        self.projectors = Projectors(width, modalities)
        self.trust = nn.Parameter(torch.zeros(modalities, width))
        self.register_buffer("stretch", torch.ones(2**modalities, modalities))
        self.register_buffer("places", others_of(modalities), persistent=False)

    def forward(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """embeddings (B, M, D), present (B, M) bool -> mean (B, M, D), variance (B, M, D) of every modality.

        A modality's guess never looks at its own embedding, nor at one that is not present.
        """
        anchor, standard = self.anchor, self.anchor.standardise(embeddings, present)
        guess, variance, alone, alone_variance = anchor(standard, present)
        sources = standard.transpose(0, 1)[self.places].transpose(1, 2)  # (M, B, M - 1, D)
        shown = present.T[self.places].transpose(1, 2).unsqueeze(-1)  # (M, B, M - 1, 1)
        correction, factor = self.projectors(sources)
        own = torch.exp(self.trust).unsqueeze(1) / variance  # (M, B, D)
        counts = shown / (factor.unsqueeze(1) * alone_variance)  # (M, B, M - 1, D)
        precision = own + counts.sum(2)
        mean = (own * guess + (counts * (alone + correction)).sum(2)) / precision
        stretched = self.stretch_of(present).T.unsqueeze(-1) / precision
        return anchor.restore(mean.transpose(0, 1), stretched.transpose(0, 1))

    def stretch_of(self, present: Tensor) -> Tensor:
        """present (B, M) bool -> the factor of each target's variance (B, M)."""
        modalities = present.shape[1]
        bits = 2 ** torch.arange(modalities, device=present.device)
        patterns = (present * bits).sum(1, keepdim=True) - present * bits  # (B, M): without the target itself
        return self.stretch[patterns, torch.arange(modalities, device=present.device)]


def imputation_loss(mean: Tensor, variance: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Gaussian negative log likelihood a dimension, over the (B, M) slots whose truth is known (others may be NaN)."""
    target = target.masked_fill(~known.unsqueeze(-1), 0.0)
    nll = 0.5 * ((target - mean).square() / variance + variance.log()).mean(-1)  # (B, M)
    return (nll * known).sum() / known.sum().clamp_min(1)
