"""The table's blocks as tokens of the fusion: what the linear road reads, given to the network as well."""

import torch
from torch import Tensor, nn

from schemas.table import Table


class BlockTokens(nn.Module):
    """z-scores (B, C), block (B, K) bool -> (B, D): the sum over the present blocks of GELU(W_k x_k + c_k)."""

    owner: Tensor

    def __init__(self, table: Table, width: int) -> None:
        super().__init__()
        blocks, owners = len(table.blocks), torch.tensor([block for block, _ in table.columns]).long()
        self.register_buffer("owner", nn.functional.one_hot(owners, max(blocks, 1)).float()[:, :blocks], False)
        counts = self.owner.sum(0).clamp_min(1)
        self.weight = nn.Parameter(torch.randn(len(owners), width) * (self.owner @ counts.rsqrt()).unsqueeze(1))
        self.bias = nn.Parameter(torch.zeros(blocks, width))

    def forward(self, columns: Tensor, block: Tensor) -> Tensor:
        """columns (B, C), block (B, K) -> (B, D)."""
        tokens = torch.einsum("bc,ck,cd->bkd", columns, self.owner, self.weight) + self.bias
        result: Tensor = (nn.functional.gelu(tokens) * block.unsqueeze(-1)).sum(1)
        return result
