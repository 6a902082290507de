"""Images when they arrive: tiles through a small CNN, feature bags through a linear layer, one gated-attention pool."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.plain_part import PLAIN, STATISTICS, PlainPart, first_order
from model.encoders.pooling import AttentionPool
from model.encoders.projector import Projector


class TileNetwork(nn.Module):
    """Four convolution blocks, the mean of each one's maps joined: tiles (N, 3, S, S) within 0..1 -> (N, D). S >= 16.

    The means of the early blocks carry density and texture straight to the output; without them, and with
    normalisation between the blocks, a few hundred images taught it nothing.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = (3, 16, 32, 64, 64)
        self.blocks = nn.ModuleList(
            [nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in pairwise(channels)]
        )
        self.out = nn.Linear(sum(channels[1:]), width)
        self.plain = PlainPart(STATISTICS)

    def forward(self, tiles: Tensor) -> Tensor:
        """tiles (N, 3, S, S) -> (N, D)."""
        maps, means = 2 * tiles - 1, []
        for block in self.blocks:
            maps = functional.gelu(block(maps))
            means.append(maps.mean((-2, -1)))
        result: Tensor = self.out(torch.cat(means, -1))
        return result

    def plain_part(self, tiles: Tensor) -> Tensor:
        """tiles (N, 3, S, S) -> (N, PLAIN)."""
        result: Tensor = self.plain(first_order(tiles))
        return result


class BagProjector(Projector):
    """One feature space into ours: features (N, F) -> (N, D), and their plain part."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__(features, width)
        self.plain = PlainPart(features)

    def plain_part(self, features: Tensor) -> Tensor:
        """features (N, F) -> (N, PLAIN)."""
        result: Tensor = self.plain(features)
        return result


class ImagingArrival(nn.Module):
    """All that makes an image's vector: the tile CNN, a projector a feature space, and the pool they share.

    Behind a frozen backbone of `backbone_width` features a tile, a projector stands in place of the CNN.
    """

    def __init__(self, width: int, feature_spaces: Mapping[str, int], backbone_width: int = 0) -> None:
        super().__init__()
        self.tiles = BagProjector(backbone_width, width) if backbone_width else TileNetwork(width)
        self.spaces = nn.ModuleList([BagProjector(feature_spaces[name], width) for name in sorted(feature_spaces)])
        self.pool = AttentionPool(width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)

    def forward(self, items: Tensor, plain: Tensor, present: Tensor) -> Tensor:
        """Items already in our width (B, N, D), their plain parts (B, N, PLAIN), present (B, N) bool -> (B, D)."""
        there = present.unsqueeze(-1)
        mean = (plain * there).sum(1) / there.sum(1).clamp_min(1)
        return self.vector(self.pool(items, present), mean)

    def vector(self, pooled: Tensor, plain: Tensor) -> Tensor:
        """What was pooled (B, D), led by the mean of the plain parts (B, PLAIN) -> (B, D)."""
        return torch.cat((plain, self.norm(pooled)[:, PLAIN:]), -1)

    def space(self, place: int) -> BagProjector:
        """The projector of the feature space at that place among the sorted names."""
        found = self.spaces[place]
        if not isinstance(found, BagProjector):
            raise TypeError("a feature space without its projector")
        return found
