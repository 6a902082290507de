"""A figure beside its target, and the table that shows all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_HEAD = ("figure", "ours", "theirs", "ratio", "target", "met")


@dataclass(frozen=True)
class Figure:
    """One row: medians over the runs; `met` None where the figure stands for information only."""

    name: str
    ours: str
    theirs: str
    ratio: str
    target: str
    met: bool | None


@dataclass(frozen=True)
class Cost:
    """What one contender paid for one event: CPU time of its process, and wall time, in microseconds."""

    cpu: float
    wall: float
    made: int
    """Records it wrote to its last topic: the two contenders must have done the same."""


def against(name: str, pairs: Sequence[tuple[Cost, Cost]], target: str, limit: float) -> Figure:
    """Pairs (ours, theirs) of one run each; met where the median ratio of CPU times is at most `limit`."""
    cpu = median(ours.cpu / theirs.cpu for ours, theirs in pairs)
    wall = median(ours.wall / theirs.wall for ours, theirs in pairs)
    ours, theirs = (cost_of([pair[place] for pair in pairs]) for place in (0, 1))
    return Figure(name, ours, theirs, f"{cpu:.2f} CPU, {wall:.2f} wall", target, cpu <= limit)


def cost_of(costs: Sequence[Cost]) -> str:
    """The medians of some runs in words."""
    cpu, wall = median(cost.cpu for cost in costs), median(cost.wall for cost in costs)
    return f"{cpu:.0f} µs CPU, {wall:.0f} µs wall, {median(cost.made for cost in costs):.0f} out"


def table(figures: Sequence[Figure]) -> str:
    """All figures as a Markdown table."""
    rows = [_HEAD, tuple("---" for _ in _HEAD)]
    rows += [(each.name, each.ours, each.theirs, each.ratio, each.target, _word(each.met)) for each in figures]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _word(met: bool | None) -> str:
    return "–" if met is None else ("yes" if met else "**no**")
