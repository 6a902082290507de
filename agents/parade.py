"""The order in which a cohort's events reach the bus in a demonstration: interleaved, late, and some twice."""

import random
from collections.abc import Sequence

from schemas.message import Message


def disturbed(events: Sequence[Message], seed: int, *, late: float = 0.15, twice: float = 0.1) -> list[Message]:
    """The events in another order: all shuffled, a share `late` held back to the end, a share `twice` repeated."""
    draw = random.Random(seed)  # noqa: S311  a demonstration, not a secret
    shuffled = list(events)
    draw.shuffle(shuffled)
    held = int(len(shuffled) * late)
    again = draw.sample(shuffled, int(len(shuffled) * twice))
    early, tardy = shuffled[held:], shuffled[:held]
    for event in again:
        early.insert(draw.randrange(len(early) + 1), event)
    return early + tardy
