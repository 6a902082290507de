"""ctDNA over time: a recurrent pass over a patient's draws, each read in the light of those before."""

from torch import Tensor, nn

from model.encoders.ctdna_draws import DRAW_NUMBERS
from model.features import Batch


class DrawSeries(nn.Module):
    """Batch of `draw_features` -> items (B, S, D), one a draw; `drawn` says which count.

    Draws are in the order of time with the padding behind them, so no draw feels the padding.
    """

    def __init__(self, width: int, hidden: int = 32) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Linear(DRAW_NUMBERS, hidden), nn.GELU())
        self.over_time = nn.GRU(hidden, hidden, batch_first=True)
        self.leave = nn.Linear(hidden, width)

    def forward(self, batch: Batch) -> Tensor:
        """Batch -> (B, S, D)."""
        states, _ = self.over_time(self.enter(batch["draws"]))
        result: Tensor = self.leave(states)
        return result
