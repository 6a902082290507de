"""The conditional Gaussian of every modality given every subset of the others: closed form, fitted, then fixed."""

import torch
from torch import Tensor, nn


def others_of(modalities: int) -> Tensor:
    """Each target's sources, in order: (M, M - 1)."""
    return torch.tensor([[s for s in range(modalities) if s != target] for target in range(modalities)])


class Anchor(nn.Module):
    """Mean and variance of each target under each subset of its sources, all subsets in one product.

    Subset p of a target has its k-th source where bit k of p is set; p = 0 is the marginal. Standard units
    throughout: `standardise` goes in, `restore` comes out. Unfitted, every conditional is a standard normal.
    """

    centre: Tensor
    scale: Tensor
    weight: Tensor
    """(M, (M - 1) D, 2^(M - 1), D); zero where a source is not in the subset."""
    variance: Tensor
    """(M, 2^(M - 1), D)."""
    places: Tensor

    def __init__(self, width: int, modalities: int) -> None:
        super().__init__()
        subsets = 2 ** (modalities - 1)
        self.register_buffer("centre", torch.zeros(modalities, width))
        self.register_buffer("scale", torch.ones(modalities, width))
        self.register_buffer("weight", torch.zeros(modalities, (modalities - 1) * width, subsets - 1, width))
        self.register_buffer("variance", torch.ones(modalities, subsets, width))
        self.register_buffer("places", others_of(modalities), persistent=False)

    def standardise(self, embeddings: Tensor, present: Tensor) -> Tensor:
        """(B, M, D) in standard units; what is not present, whatever it holds, is exactly zero."""
        absent = ~present.unsqueeze(-1)
        return ((embeddings.masked_fill(absent, 0.0) - self.centre) / self.scale).masked_fill(absent, 0.0)

    def restore(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (B, M, D) from standard units back to the embeddings' own."""
        return self.centre + self.scale * mean, self.scale.square() * variance

    def forward(self, standard: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Standardised embeddings (B, M, D), present (B, M) -> given all sources shown: mean, variance (M, B, D);

        given each source alone: mean (M, B, M - 1, D), variance (M, 1, M - 1, D).
        """
        targets, _, subsets, width = self.weight.shape
        rows = standard.shape[0]
        sources = standard.transpose(0, 1)[self.places]  # (M, M - 1, B, D)
        flat = sources.transpose(1, 2).reshape(targets, rows, -1)  # (M, B, (M - 1) D)
        guesses = torch.bmm(flat, self.weight.flatten(2)).view(targets, rows, subsets, width)
        bits = 2 ** torch.arange(targets - 1, device=present.device)
        subset = (present.T[self.places] * bits[:, None]).sum(1)  # (M, B)
        every = torch.cat((torch.zeros_like(guesses[:, :, :1]), guesses), 2)  # with p = 0, where nothing is shown
        chosen = subset[..., None, None].expand(-1, -1, 1, width)
        mean = every.gather(2, chosen).squeeze(2)
        variance = self.variance.gather(1, subset.unsqueeze(-1).expand(-1, -1, width))
        return mean, variance, every[:, :, bits], self.variance[:, None, bits]

    @torch.no_grad()
    def learn(self, centre: Tensor, scale: Tensor, covariance: Tensor) -> None:
        """Take over centre, scale (M, D) and the covariance (M D, M D) of the standardised concatenation."""
        self.centre.copy_(centre)
        self.scale.copy_(scale)
        self.weight.zero_()
        targets, subsets, width = self.variance.shape
        places = torch.arange(targets * width).view(targets, width)
        self.variance[:, 0] = covariance.diagonal().view(targets, width).to(self.variance)
        for target in range(targets):
            for subset in range(1, subsets):
                taken = [k for k in range(targets - 1) if subset >> k & 1]
                inputs = places[self.places[target][taken]].flatten()
                weight, rest = conditional(covariance, places[target], inputs)
                self.variance[target, subset] = rest.diagonal().to(self.variance)
                for part, k in zip(torch.split(weight, width), taken, strict=True):
                    self.weight[target, k * width : (k + 1) * width, subset - 1] = part.to(self.weight)


def conditional(covariance: Tensor, target: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (I, T) and what is left of the covariance (T, T) of dimensions `target` given dimensions `inputs`."""
    across = covariance[inputs][:, target]  # (I, T)
    weight = torch.cholesky_solve(across, torch.linalg.cholesky(covariance[inputs][:, inputs]))
    return weight, covariance[target][:, target] - weight.T @ across
