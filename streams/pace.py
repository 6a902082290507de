"""How many files make the next batch: as many as were read in about a quarter of a second lately.

A batch costs its round trips, here and downstream. A long one costs whoever waits for its end: a rebalance, the result
of its first record, and after a crash all of it again.
"""

_SECONDS = 0.25


class Pace:
    """A bound that follows the work: from `first` on, at most twice as much a batch, never above `limit`."""

    def __init__(self, first: int, limit: int) -> None:
        self.most = min(first, limit)
        self._limit = limit

    def learn(self, records: int, seconds: float) -> None:
        """So many records were read in so long; round trips left out, which more records do not make longer."""
        fitting = _SECONDS * records / max(seconds, 1e-9)
        self.most = int(max(1, min(fitting, 2 * self.most, self._limit)))
